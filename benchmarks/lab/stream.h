/* One multipart/x-mixed-replace answer, taken apart as its bytes arrive.
 *
 * Understood: any boundary, extra headers in each part, parts with Content-Length and parts without
 * (their end is the next boundary), chunked transfer coding. Every part is judged by its first and
 * last bytes and, if asked, hashed without its timestamp. */
#ifndef LAB_STREAM_H
#define LAB_STREAM_H

#include "measure.h"

#define FIRST_BYTES 64

typedef enum { IN_RESPONSE_HEAD, IN_PART_HEAD, IN_SIZED_PART, IN_OPEN_PART, BROKEN } stream_state;

typedef struct {
    unsigned char first[FIRST_BYTES]; /* how the part begins */
    int n_first;
    unsigned char last[2];
    u64 length;
    u64 sent_unix_ns; /* its X-Timestamp, 0 without one */
    u64 received_ns;  /* when its last byte was read */
    u64 hash;         /* of everything but the timestamp, when hashing was asked for */
} part;

typedef struct stream stream;
struct stream {
    void (*on_part)(stream *s, const part *p);
    bool is_hashed;
    stream_state state;
    const char *failure; /* why it is BROKEN */
    char why[256];

    char head[4096]; /* the head being collected */
    int n_head;
    char boundary[128]; /* with CR LF and the two dashes in front */
    int n_boundary;

    bool is_chunked;
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END } chunk_state;
    u64 chunk_left;
    char chunk_line[32];
    int n_chunk_line;

    part now;
    u64 left; /* bytes of a sized part still to come */
    word_hash hash;
    enum { STAMP_UNDECIDED, STAMP_LEFT_OUT } stamp;

    unsigned char *open; /* an open part's bytes so far */
    size_t n_open, open_capacity, searched;
    u64 end_seen_ns; /* when the bytes up to `end_seen` were read; these ended with EOI */
    size_t end_seen;
};

/* Take in n bytes that were read at `now`; false when the stream is broken from here on. */
bool stream_feed(stream *s, const unsigned char *p, size_t n, u64 now);

/* How many bytes in the middle of the current part nobody needs to look at, right now. */
u64 stream_may_skip(const stream *s);

/* n of those bytes were thrown away by the kernel. */
void stream_skipped(stream *s, u64 n);

/* Mark the stream as broken; returns false. */
bool stream_fail(stream *s, const char *why);

#endif
