/* muster-cc: stands where the compiler stands, once for each compile, so all it does is ask
 * and obey.
 *
 *   main ─► ask_agent  (ask.c)   the agent has it compiled somewhere: write its output, end
 * as it ended └───► real_run   (real.c)  or become the real compiler: the agent says so,
 * there is none, it broke
 *
 * Only libc, no stdio, no allocation but the request and the answer: what stands here is
 * paid for by every compile. The build never fails because of us: each trouble with the
 * agent ends in real_run.
 *
 * No signal is caught: what kills the compiler kills us, and the hang-up tells the agent to
 * cancel. */
#include "shim/ask.h"
#include "shim/distcc.h"
#include "shim/real.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2
};

static const char USAGE[] =
    "Usage: muster-cc COMPILER ARGUMENT...\n"
    "       COMPILER ARGUMENT...    (a link to muster-cc, in front of PATH)\n"
    "       distcc [COMPILER] ARGUMENT...    (a link of that name; see distcc(1))\n"
    "Compiles C and C++ on the machines of a muster farm, or here if that cannot be.\n"
    "COMPILER is a name found on PATH (gcc, g++, cc, clang, arm-none-eabi-gcc, ...)\n"
    "or, in the first form, also a path.\n"
    "\n"
    "  --help     this text\n"
    "  --version  the version\n"
    "\n"
    "Environment:\n"
    "  MUSTER_HOSTS             workers: \"HOST:PORT HOST:PORT/SLOTS ...\"\n"
    "  MUSTER_STATE_DIR         folder of the agent's socket and log; absolute\n"
    "                           (default: $XDG_RUNTIME_DIR/muster or /tmp/muster-UID)\n"
    "  MUSTER_AGENT             agent's program (default: muster-agent beside this)\n"
    "  MUSTER_AGENT_TIMEOUT_MS  give up an agent silent for longer (default: 30000)\n"
    "  MUSTER_LEVEL             set for a compiler run here: a muster-cc below it\n"
    "                           does not ask the agent again\n";

static const char VERSION[] = "muster-cc " MUSTER_VERSION "\n";

static int tell(int fd, const char *text, int status)
{
	return write(fd, text, strlen(text)) < 0 ? 1 : status;
}

/* Ends this process the way waitpid told about the compiler. A signal is not dumped a
 * second time. */
static int end_like(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	int sig = WTERMSIG(status);
	sigset_t set;

	prctl(PR_SET_DUMPABLE, 0);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 128 + sig;
}

static int run(const struct call *call)
{
	struct answer answer = {0};

	if (real_level() == 0)
		ask_agent(call, &answer);
	return answer.ended ? end_like(answer.status) : real_run(call, answer.program);
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = argc > 0 ? (slash ? slash + 1 : argv[0]) : "";
	char self[PATH_MAX];
	ssize_t n;

	bool distcc = strstr(name, "distcc") != NULL;
	bool masquerade = *name && strcmp(name, "muster-cc") != 0;
	if (!masquerade && !distcc) {
		if (argc < 2 || strcmp(argv[1], "--help") == 0)
			_exit(tell(STDOUT_FILENO, USAGE, 0));
		if (strcmp(argv[1], "--version") == 0)
			_exit(tell(STDOUT_FILENO, VERSION, 0));
		if (argv[1][0] == '-' || argv[1][0] == 0) {
			say("expected the name of a compiler, not '", argv[1],
			    "'; see muster-cc --help", NULL);
			_exit(EXIT_USAGE);
		}
	}
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n > 0 ? n : 0] = 0;
	struct call call = {
	    .argv = argv + !masquerade,
	    .env = environ,
	    .self = self,
	    .masquerade = masquerade && !distcc,
	};
	int early = distcc ? distcc_call(&call, argv) : DISTCC_GOES_ON;

	if (early != DISTCC_GOES_ON)
		_exit(early);
	_exit(run(&call));
}
