/* HTTP Basic authentication (RFC 7617) for the lab's clients. */
#ifndef LAB_AUTH_H
#define LAB_AUTH_H

#include <stdio.h>
#include <string.h>

/* Write the Authorization line for "user:password"; returns its length. */
static inline int basic_auth(char *text, size_t size, const char *credentials) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)credentials;
    char coded[512];
    size_t n = strlen(credentials), k = 0;
    for (size_t i = 0; i < n && k + 5 < sizeof coded; i += 3) {
        unsigned second = i + 1 < n ? p[i + 1] : 0, third = i + 2 < n ? p[i + 2] : 0;
        unsigned bits = (unsigned)p[i] << 16 | second << 8 | third;
        coded[k++] = digit[bits >> 18];
        coded[k++] = digit[bits >> 12 & 63];
        coded[k++] = i + 1 < n ? digit[bits >> 6 & 63] : '=';
        coded[k++] = i + 2 < n ? digit[bits & 63] : '=';
    }
    coded[k] = 0;
    return snprintf(text, size, "Authorization: Basic %s\r\n", coded);
}

#endif
