/* Who gets the next slot. */
#include "test.h"
#include "worker/client.h"
#include "worker/worker.h"

#include <string.h>

void client_close(struct client *c)
{
	(void)c; /* nobody is connected here */
}

enum {
	MANY = 64
};

static char order[4 * MANY];
static size_t nstarted;

struct job {
	struct slot_wait wait; /* first: a job is found by it */
	char name;
};

static void on_slot(struct slot_wait *wait)
{
	order[nstarted++] = ((struct job *)wait)->name;
}

static void want(struct worker *w, struct job *j, struct tenant *t, char name)
{
	*j = (struct job){
	    .wait = {.start = on_slot, .tenant = t},
              .name = name
        };
	worker_want_slot(w, &j->wait);
}

static void begin(void)
{
	memset(order, 0, sizeof order);
	nstarted = 0;
}

static void in_order_of_arrival(void)
{
	struct worker w = {.slots = 1};
	struct tenant a = {0};
	struct job jobs[3];

	begin();
	for (int i = 0; i < 3; i++)
		want(&w, &jobs[i], &a, (char)('0' + i));
	CHECK(strcmp(order, "0") == 0);
	worker_slot_free(&w, &a);
	worker_slot_free(&w, &a);
	CHECK(strcmp(order, "012") == 0);
	worker_slot_free(&w, &a);
	CHECK(w.running == 0 && a.running == 0 && !w.line);
}

/* One client's flood, and a second one that wants a little. */
static void flood_leaves_room(void)
{
	struct worker w = {.slots = 2};
	struct tenant flood = {0}, other = {0};
	struct job jobs[MANY], one, two;

	begin();
	for (int i = 0; i < MANY; i++)
		want(&w, &jobs[i], &flood, 'f');
	want(&w, &one, &other, 'o');
	want(&w, &two, &other, 'o');
	CHECK(strcmp(order, "ff") == 0);
	worker_slot_free(&w, &flood);
	CHECK(strcmp(order, "ffo") == 0); /* at once, not behind the flood */
	worker_slot_free(&w, &other);
	CHECK(strcmp(order, "ffoo") == 0);
	worker_slot_free(&w, &other);
	CHECK(strcmp(order, "ffoof") == 0); /* and no slot stays empty */
}

static void equals_take_turns(void)
{
	struct worker w = {.slots = 1};
	struct tenant a = {0}, b = {0};
	struct job jobs[8], legacy;

	begin();
	for (int i = 0; i < 4; i++)
		want(&w, &jobs[i], &a, 'a');
	for (int i = 4; i < 8; i++)
		want(&w, &jobs[i], &b, 'b');
	want(&w, &legacy, NULL, 'd'); /* one of distcc's */
	for (int i = 0; i < 8; i++) {
		char now = order[nstarted - 1];

		worker_slot_free(&w, now == 'a' ? &a : now == 'b' ? &b : NULL);
	}
	CHECK(nstarted == 9);
	for (size_t i = 2; i + 2 < nstarted; i++) /* the first was alone */
		CHECK(order[i] != order[i - 1]);
	CHECK(memchr(order, 'd', 4) != NULL);
}

static void leaving_the_line(void)
{
	struct worker w = {.slots = 1};
	struct tenant a = {0}, b = {0};
	struct job first, second, third;

	begin();
	want(&w, &first, &a, '1');
	want(&w, &second, &b, '2');
	want(&w, &third, &a, '3');
	worker_leave_line(&w, &second.wait);
	worker_slot_free(&w, &a);
	CHECK(strcmp(order, "13") == 0);
	worker_slot_free(&w, &a);
	CHECK(w.running == 0 && !w.line);
}

TESTS({"in order of arrival", in_order_of_arrival},
      {"a flood leaves room", flood_leaves_room}, {"equals take turns", equals_take_turns},
      {"leaving the line", leaving_the_line})
