#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Whether somebody sits at this machine: compiles of others should not get in the way of its owner. logind's own files tell
 * the sessions, the times of terminals how long they have been idle, the desktop whether its user has left (worker/desk.h). */
enum presence {
	PRESENCE_UNKNOWN, /* there is no logind to ask */
	PRESENCE_AWAY,
	PRESENCE_PRESENT
};

enum {
	PRESENCE_IDLE_S = 300 /* a terminal nobody has typed at for so long is left */
};

/* Of the machine whose /run and /dev are below ROOT ("": this one), at NOW, seconds since 1970. LEFT is asked of graphical sessions
 * in front; NULL: nobody leaves one. */
enum presence presence_look(const char *root, int64_t now_s,
			    bool (*left)(void *ctx, const char *session), void *ctx);
