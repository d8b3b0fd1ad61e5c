/* CPU time and memory of a process and its descendants. */
#ifndef LAB_PROCESS_H
#define LAB_PROCESS_H

typedef struct {
    double cpu_s, user_s, system_s; /* cpu_s by the process clock (ns), the others by ticks */
    long rss_kb, pss_kb;
    int threads;
} usage;

/* What `pid` and everything below it used so far; all zero for pid 0. */
usage usage_of(int pid);

/* CPU seconds of the whole machine since its start. */
double machine_busy_s(void);

/* CPU seconds of this process. */
double own_cpu_s(void);

#endif
