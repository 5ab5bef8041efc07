#pragma once
#include <stdint.h>

/* Whether somebody sits at this machine: compiles of others should not get in the way of its owner. Without D-Bus:
 * logind's own files tell the sessions, the times of terminals how long they have been idle. */
enum presence {
	PRESENCE_UNKNOWN, /* there is no logind to ask */
	PRESENCE_AWAY,
	PRESENCE_PRESENT
};

enum {
	PRESENCE_IDLE_S = 300 /* a terminal nobody has typed at for so long is left */
};

/* Of the machine whose /run and /dev are below ROOT ("": this one), at NOW, seconds since 1970. */
enum presence presence_look(const char *root, int64_t now_s);
