#define _GNU_SOURCE
#include "stream.h"

#include <stdio.h>
#include <strings.h>

#define LONGEST_OPEN_PART (64u << 20)

bool stream_fail(stream *s, const char *why) {
    snprintf(s->why, sizeof s->why, "%.200s", why);
    s->failure = s->why;
    s->state = BROKEN;
    free(s->open);
    s->open = NULL;
    return false;
}

static char *find_header(char *head, const char *name) {
    size_t n = strlen(name);
    for (char *line = head; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
        if (!strncasecmp(line, name, n)) return line + n + strspn(line + n, " ");
    return NULL;
}

/* Append bytes to the head being collected until its blank line; returns how many were used. */
static size_t collect_head(stream *s, const unsigned char *p, size_t n, bool *is_whole) {
    size_t used = 0;
    *is_whole = false;
    while (used < n && s->n_head < (int)sizeof s->head - 1) {
        s->head[s->n_head++] = (char)p[used++];
        if (s->n_head < 4 || memcmp(s->head + s->n_head - 4, "\r\n\r\n", 4)) continue;
        s->head[s->n_head] = 0;
        *is_whole = true;
        break;
    }
    return used;
}

/* ---- one part ---- */

static void part_begin(stream *s) {
    s->now = (part){0};
    hash_begin(&s->hash);
    s->stamp = STAMP_UNDECIDED;
}

/* Hash what belongs to the picture: SOI, then everything behind the timestamp. Called with the bytes
 * p..p+n that ended up at offset `at` of the part; earlier bytes are in `first`. */
static void hash_bytes(stream *s, u64 at, const unsigned char *p, size_t n) {
    if (s->stamp == STAMP_LEFT_OUT) {
        hash_add(&s->hash, p, n);
        return;
    }
    if (s->now.n_first < STAMP_END) return; /* too early to know whether there is a timestamp */
    s->stamp = STAMP_LEFT_OUT;
    u64 from = stamp_of(s->now.first, (size_t)s->now.n_first) ? STAMP_END : 2;
    hash_add(&s->hash, s->now.first, 2);
    if (at < from) {
        if (at + n > from) hash_add(&s->hash, p + (from - at), n - (from - at));
    } else {
        hash_add(&s->hash, s->now.first + from, at - from);
        hash_add(&s->hash, p, n);
    }
}

static void part_bytes(stream *s, const unsigned char *p, size_t n) {
    part *now = &s->now;
    if (!n) return;
    size_t room = sizeof now->first - (size_t)now->n_first, k = room < n ? room : n;
    memcpy(now->first + now->n_first, p, k);
    now->n_first += (int)k;
    now->last[0] = n >= 2 ? p[n - 2] : now->last[1];
    now->last[1] = p[n - 1];
    if (s->is_hashed) hash_bytes(s, now->length, p, n);
    now->length += n;
}

static void part_end(stream *s, u64 received_ns) {
    s->now.received_ns = received_ns;
    s->now.hash = hash_end(&s->hash);
    s->on_part(s, &s->now);
    s->state = IN_PART_HEAD;
    s->n_head = 0;
}

static void begin_part(stream *s) {
    char *from = strstr(s->head, s->boundary + 2);
    s->n_head = 0;
    if (!from) return; /* blank lines in front of the boundary */
    part_begin(s);
    char *sent = find_header(from, "X-Timestamp:");
    s->now.sent_unix_ns = sent ? (u64)(strtold(sent, NULL) * 1e9L) : 0;
    char *length = find_header(from, "Content-Length:");
    if (length) {
        s->left = strtoull(length, NULL, 10);
        if (s->left) s->state = IN_SIZED_PART;
        return;
    }
    s->state = IN_OPEN_PART;
    s->n_open = s->searched = s->end_seen = 0;
}

static bool keep_open(stream *s, const unsigned char *p, size_t n) {
    if (s->n_open + n > s->open_capacity) {
        size_t capacity = (s->n_open + n) * 2;
        unsigned char *grown = capacity > LONGEST_OPEN_PART ? NULL : realloc(s->open, capacity);
        if (!grown) return stream_fail(s, "no boundary in 64 MB");
        s->open = grown;
        s->open_capacity = capacity;
    }
    memcpy(s->open + s->n_open, p, n);
    s->n_open += n;
    return true;
}

/* A picture that ends where the bytes end counts as received now, though its boundary comes later. */
static void note_possible_end(stream *s, u64 now) {
    size_t end = s->n_open;
    if (end >= 4 && s->open[end - 2] == '\r' && s->open[end - 1] == '\n') end -= 2;
    if (end < 2 || s->open[end - 2] != 0xFF || s->open[end - 1] != 0xD9) return;
    s->end_seen = end;
    s->end_seen_ns = now;
}

static bool feed_parts(stream *s, const unsigned char *p, size_t n, u64 now);

static bool feed_open_part(stream *s, const unsigned char *p, size_t n, u64 now) {
    if (!keep_open(s, p, n)) return false;
    unsigned char *end = memmem(s->open + s->searched, s->n_open - s->searched, s->boundary, (size_t)s->n_boundary);
    if (!end) {
        s->searched = s->n_open > (size_t)s->n_boundary ? s->n_open - (size_t)s->n_boundary : 0;
        note_possible_end(s, now);
        return true;
    }
    size_t length = (size_t)(end - s->open), rest = s->n_open - length;
    part_bytes(s, s->open, length);
    part_end(s, s->end_seen == length ? s->end_seen_ns : now);
    unsigned char *copy = malloc(rest);
    memcpy(copy, end, rest);
    bool is_fine = feed_parts(s, copy, rest, now);
    free(copy);
    return is_fine;
}

static bool feed_parts(stream *s, const unsigned char *p, size_t n, u64 now) {
    while (n) {
        size_t used;
        if (s->state == IN_PART_HEAD) {
            bool is_whole;
            used = collect_head(s, p, n, &is_whole);
            if (is_whole) begin_part(s);
            if (!used) return stream_fail(s, "part head too long");
        } else if (s->state == IN_SIZED_PART) {
            used = n < s->left ? n : s->left;
            part_bytes(s, p, used);
            s->left -= used;
            if (!s->left) part_end(s, now);
        } else {
            return feed_open_part(s, p, n, now);
        }
        p += used;
        n -= used;
    }
    return true;
}

/* ---- the layers above: response head, chunks ---- */

static bool read_response_head(stream *s) {
    if (strncmp(s->head, "HTTP/1.", 7) || strncmp(s->head + 8, " 200", 4)) {
        s->head[strcspn(s->head, "\r\n")] = 0;
        return stream_fail(s, s->head);
    }
    char *coding = find_header(s->head, "Transfer-Encoding:");
    s->is_chunked = coding && !strncasecmp(coding, "chunked", 7);
    char *type = find_header(s->head, "Content-Type:");
    char *boundary = type ? strcasestr(type, "boundary=") : NULL;
    if (!boundary) return stream_fail(s, "no boundary in Content-Type");
    boundary += strlen("boundary=");
    boundary += *boundary == '"';
    int n = (int)strcspn(boundary, "\"\r\n; ");
    if (n > 2 && !strncmp(boundary, "--", 2)) { /* some servers name it with the dashes */
        boundary += 2;
        n -= 2;
    }
    s->n_boundary = snprintf(s->boundary, sizeof s->boundary, "\r\n--%.*s", n > 100 ? 100 : n, boundary);
    s->state = IN_PART_HEAD;
    s->n_head = 0;
    s->chunk_state = CHUNK_SIZE;
    return true;
}

static bool read_chunk_size(stream *s, char c) {
    if (c != '\n') {
        if (s->n_chunk_line < (int)sizeof s->chunk_line - 1) s->chunk_line[s->n_chunk_line++] = c;
        return true;
    }
    s->chunk_line[s->n_chunk_line] = 0;
    s->n_chunk_line = 0;
    s->chunk_left = strtoull(s->chunk_line, NULL, 16);
    s->chunk_state = CHUNK_DATA;
    return s->chunk_left ? true : stream_fail(s, "the server sent its last chunk");
}

/* Returns how many bytes were used, 0 when the stream is broken. */
static size_t feed_chunk(stream *s, const unsigned char *p, size_t n, u64 now) {
    if (s->chunk_state == CHUNK_SIZE) return read_chunk_size(s, (char)*p) ? 1 : 0;
    if (s->chunk_state == CHUNK_END) {
        if (*p == '\n') s->chunk_state = CHUNK_SIZE;
        return 1;
    }
    size_t k = n < s->chunk_left ? n : s->chunk_left;
    if (!feed_parts(s, p, k, now)) return 0;
    s->chunk_left -= k;
    if (!s->chunk_left) s->chunk_state = CHUNK_END;
    return k;
}

bool stream_feed(stream *s, const unsigned char *p, size_t n, u64 now) {
    while (n) {
        size_t used;
        if (s->state == IN_RESPONSE_HEAD) {
            bool is_whole;
            used = collect_head(s, p, n, &is_whole);
            if (is_whole && !read_response_head(s)) return false;
            if (!used) return stream_fail(s, "response head too long");
        } else if (s->is_chunked) {
            used = feed_chunk(s, p, n, now);
            if (!used) return false;
        } else {
            return feed_parts(s, p, n, now);
        }
        p += used;
        n -= used;
    }
    return true;
}

u64 stream_may_skip(const stream *s) {
    bool is_middle = s->state == IN_SIZED_PART && s->now.n_first == FIRST_BYTES && s->left > 2;
    if (!is_middle || (s->is_chunked && s->chunk_state != CHUNK_DATA)) return 0;
    u64 skip = s->left - 2;
    return s->is_chunked && s->chunk_left < skip ? s->chunk_left : skip;
}

void stream_skipped(stream *s, u64 n) {
    s->left -= n;
    s->now.length += n;
    if (!s->is_chunked) return;
    s->chunk_left -= n;
    if (!s->chunk_left) s->chunk_state = CHUNK_END;
}
