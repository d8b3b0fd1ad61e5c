/* What the lab's programs count with: a clock, a latency histogram, a set and a hash. */
#ifndef LAB_MEASURE_H
#define LAB_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t u64;

#define SECOND_NS 1000000000ull

static inline u64 clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (u64)t.tv_sec * SECOND_NS + (u64)t.tv_nsec;
}

static inline u64 now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* ---- latency histogram: log-linear, 1/128 relative width, 1 us .. 256 s ---- */

#define STEPS 128
#define BUCKETS (29 * STEPS)

typedef struct {
    u64 n, max, bucket[BUCKETS];
    double sum;
} histogram;

static inline int bucket_of(u64 ns) {
    u64 us = ns / 1000;
    if (us < STEPS) return (int)us;
    int exponent = 63 - __builtin_clzll(us); /* us in [2^exponent, 2^(exponent+1)), exponent >= 7 */
    int i = (exponent - 6) * STEPS + (int)((us >> (exponent - 7)) & (STEPS - 1));
    return i < BUCKETS ? i : BUCKETS - 1;
}

static inline double bucket_ms(int i) {
    if (i < STEPS) return i / 1000.0;
    int exponent = i / STEPS + 6;
    return ((double)(1ull << exponent) + (double)(i % STEPS) * (double)(1ull << (exponent - 7))) / 1000.0;
}

static inline void histogram_add(histogram *h, u64 ns) {
    h->n++;
    h->sum += (double)ns;
    if (ns > h->max) h->max = ns;
    h->bucket[bucket_of(ns)]++;
}

/* The q-quantile in milliseconds, -1 when nothing was counted. */
static inline double quantile_ms(const histogram *h, double q) {
    if (!h->n) return -1;
    u64 want = (u64)(q * (double)(h->n - 1)) + 1, seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += h->bucket[i]) >= want) return bucket_ms(i);
    return (double)h->max / 1e6;
}

/* ---- a set of 64-bit values; 0 counts as 1 ---- */

typedef struct {
    u64 *slot;
    size_t capacity, n;
} set64;

static inline size_t set_slot(const set64 *s, u64 x) {
    size_t i = (size_t)(x * 0x9E3779B97F4A7C15ull >> 20) & (s->capacity - 1);
    while (s->slot[i] && s->slot[i] != x) i = (i + 1) & (s->capacity - 1);
    return i;
}

static inline bool set_has(const set64 *s, u64 x) {
    x = x ? x : 1;
    return s->capacity && s->slot[set_slot(s, x)] == x;
}

static inline void set_add(set64 *s, u64 x) {
    x = x ? x : 1;
    if (s->n * 2 >= s->capacity) {
        set64 bigger = {.capacity = s->capacity ? s->capacity * 2 : 4096};
        bigger.slot = calloc(bigger.capacity, sizeof *bigger.slot);
        for (size_t i = 0; i < s->capacity; i++)
            if (s->slot[i]) set_add(&bigger, s->slot[i]);
        free(s->slot);
        *s = bigger;
    }
    size_t i = set_slot(s, x);
    if (!s->slot[i]) s->n++;
    s->slot[i] = x;
}

/* ---- a hash over 8-byte words (FNV-1a's constants) that can be fed in pieces ---- */

typedef struct {
    u64 hash, carry, length;
    int carried;
} word_hash;

static inline void hash_begin(word_hash *w) { *w = (word_hash){.hash = 1469598103934665603ull}; }

static inline void hash_word(word_hash *w, u64 word) {
    w->hash = (w->hash ^ word) * 1099511628211ull;
    w->hash ^= w->hash >> 29;
}

static inline void hash_add(word_hash *w, const unsigned char *p, size_t n) {
    w->length += n;
    while (n && w->carried) {
        w->carry |= (u64)*p++ << (8 * w->carried);
        n--;
        if (++w->carried < 8) continue;
        hash_word(w, w->carry);
        w->carry = 0;
        w->carried = 0;
    }
    for (; n >= 8; n -= 8, p += 8) {
        u64 word;
        memcpy(&word, p, 8);
        hash_word(w, word);
    }
    while (n--) w->carry |= (u64)*p++ << (8 * w->carried++);
}

static inline u64 hash_end(const word_hash *w) { return ((w->hash ^ w->carry) * 1099511628211ull) ^ w->length; }

/* ---- the timestamp the sources put into each frame ----
 * A JPEG COM segment right behind SOI: FF D8 FF FE 00 18 "TS=" and 19 digits, CLOCK_MONOTONIC in
 * nanoseconds. A server that re-encodes loses it. */

#define STAMP_BYTES 26 /* marker, length and "TS=..." */
#define STAMP_END (2 + STAMP_BYTES)

static inline u64 stamp_of(const unsigned char *jpeg, size_t n) {
    if (n < STAMP_END || memcmp(jpeg, "\xFF\xD8\xFF\xFE", 4) || memcmp(jpeg + 6, "TS=", 3)) return 0;
    u64 t = 0;
    for (int i = 9; i < STAMP_END; i++) {
        if (jpeg[i] < '0' || jpeg[i] > '9') return 0;
        t = t * 10 + (u64)(jpeg[i] - '0');
    }
    return t;
}

#endif
