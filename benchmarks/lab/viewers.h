/* What the two halves of the viewers share: options, the viewers, and what they counted.
 *
 *   viewers.c   connects, reads, runs
 *   tally.c     judges each frame, reports */
#ifndef LAB_VIEWERS_H
#define LAB_VIEWERS_H

#include "process.h"
#include "stream.h"

typedef struct {
    const char *host, *path, *auth, *check_dir, *name;
    int port, viewers, slow, pid;
    long long least_parts;
    double seconds, warm_s, slow_bytes_per_s;
    bool is_light, is_verbose;
} options;

typedef struct {
    stream s; /* first: on_part gets the viewer from its stream */
    int fd, id;
    bool is_slow, has_frame;
    double allowance; /* bytes a slow viewer may read now */
    u64 allowed_at;
    u64 last_id, frames, last_frame_ns, longest_gap_ns, backwards;
} viewer;

typedef struct {
    u64 frames, bytes, broken, unknown, repeated, dead;
    int with_frame; /* viewers that have had one */
} totals;

typedef struct {
    u64 at_ns;
    usage server;
    double own_s, machine_s;
} sample;

typedef struct {
    sample idle, begin, end;
    double connect_s;
    int live;
} run;

extern options option;
extern viewer *viewers;
extern totals total;
extern bool is_measuring; /* frames count from now on */

/* Before the first part: learn the known frames of option.check_dir, note the clocks. */
void tally_begin(void);

/* Judge and count a part; the stream must be a viewer's. */
void tally_part(stream *s, const part *p);

/* Print the line of JSON. */
void report(const run *r);

#endif
