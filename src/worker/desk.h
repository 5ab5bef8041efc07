#pragma once
#include <stdbool.h>
/* Whether the user of a graphical session has left it. The desktop tells logind so (IdleHint, after the time that the user has set;
 * LockedHint at once), under X and Wayland alike, and logind tells it by D-Bus only; `loginctl` asks it for us. A desktop that
 * tells nothing has a user that never leaves. */
struct desk;
struct loop;

struct desk *desk_new(struct loop *);
void desk_free(struct desk *); /* NULL is fine */
/* For presence_look: what was answered last for SESSION, while it is asked anew; false as long as nothing is known. */
bool desk_left(void *desk, const char *session);
/* What `loginctl show-session` printed: true when one of the two hints says so. Pure. */
bool desk_hints_left(const char *text);
