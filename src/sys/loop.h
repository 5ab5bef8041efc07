#pragma once
#include <stdbool.h>
#include <stdint.h>
/* The only place that sleeps: libevent behind a few words. One thread, one loop; a callback runs to its
 * end. A watch or timer may be freed inside its own callback. */
typedef int64_t nsec;
#define LOOP_MS(ms) ((nsec)(ms)*1000000)

struct loop;
struct loop_watch;
struct loop_timer;
struct event_base;
struct err;

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2
};

struct loop *loop_new(void);
void loop_free(struct loop *);
int loop_run(struct loop *); /* until loop_stop; returns its status */
void loop_stop(struct loop *, int status);
nsec loop_now(void);                         /* monotonic */
struct event_base *loop_base(struct loop *); /* for net/, the other doorway to libevent */

/* Calls back each time FD is ready for one of WANT (LOOP_READ, LOOP_WRITE), until freed. FD is borrowed. */
struct loop_watch *loop_watch(struct loop *, int fd, unsigned want,
			      void (*ready)(void *ctx, unsigned got), void *ctx);
void loop_unwatch(struct loop_watch *); /* NULL is fine */
struct loop_watch *loop_signal(struct loop *, int signal,
			       void (*ready)(void *ctx, unsigned got), void *ctx);

/* A timer is off until set; setting again moves it; it fires once. */
struct loop_timer *loop_timer_new(struct loop *, void (*fire)(void *ctx), void *ctx);
void loop_timer_set(struct loop_timer *, nsec delay);
void loop_timer_off(struct loop_timer *);
void loop_timer_free(struct loop_timer *); /* NULL is fine */
