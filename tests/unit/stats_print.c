/* stats_print: the page of a server that has done nothing yet, on standard output; for
 * stats_oracle.sh. */
#include "base/buf.h"
#include "worker/stats.h"
#include "worker/stats_machine.h"

#include <stdio.h>

int main(void)
{
	AUTO_BUF struct buf page = {0};
	struct stats *s = stats_new(3);
	struct stats_eye *eye = stats_eye_new("/proc", "/tmp");

	stats_page(&page, s, stats_eye_look(eye, loop_now()), loop_now());
	fwrite(page.data, 1, page.len, stdout);
	stats_eye_free(eye);
	stats_free(s);
	return 0;
}
