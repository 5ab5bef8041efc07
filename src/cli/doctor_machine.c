#include "cli/doctor_machine.h"

#include "cli/doctor.h"

#include <errno.h>
#include <string.h>

enum {
	COMPILE_MB = 1024, /* that a large C++ compile takes */
	LITTLE_MB = 256,   /* with so little even a small one may be killed */
	FILES_LEAST = 256,
	FILES_WELL = 1024,
	PROCESSES_WELL = 1024,
	DISK_LEAST_MB = 64,
	DISK_WELL_MB = 1024,
	KERNEL_MAJOR = 5, /* the first whose overlays may be mounted in a user namespace */
	KERNEL_MINOR = 11
};

static void judge_memory(struct doctor *d, const struct machine_facts *f)
{
	if (f->free_mb < 0) {
		doctor_say(
		    d, DOCTOR_MEMORY, DOCTOR_NOTE,
		    "How much memory is free cannot be found out (/proc/meminfo), so "
		    "builds are not kept from using too much.");
	} else if (f->free_mb < LITTLE_MB) {
		doctor_say(d, DOCTOR_MEMORY, DOCTOR_WRONG,
			   "Only %lld MiB are free: compilers here may be killed.",
			   (long long)f->free_mb);
		doctor_advise(d,
			      "End other programs, or raise this control group's limit.");
	} else if (f->free_mb < (int64_t)f->cores * COMPILE_MB) {
		doctor_say(
		    d, DOCTOR_MEMORY, DOCTOR_NOTE,
		    "%lld MiB are free: %lld large compiles at once, and there are %u "
		    "cores. muster run counts with that; other builds do not.",
		    (long long)f->free_mb, (long long)(f->free_mb / COMPILE_MB), f->cores);
	} else {
		doctor_say(d, DOCTOR_MEMORY, DOCTOR_OK, "%lld MiB are free for %u cores.",
			   (long long)f->free_mb, f->cores);
	}
	for (size_t i = 0; i < f->ndisks; i++) {
		const struct disk_facts *k = &f->disks[i];
		bool least = k->free_mb >= DISK_LEAST_MB, well = k->free_mb >= DISK_WELL_MB;

		doctor_say(d, DOCTOR_MEMORY,
			   well    ? DOCTOR_OK
			   : least ? DOCTOR_NOTE
				   : DOCTOR_WRONG,
			   "%s (%s) has %lld MiB of disk left%s.", k->what, k->path,
			   (long long)k->free_mb,
			   well    ? ""
			   : least ? ", which a large project can fill"
				   : ": writing there may fail");
		if (!well)
			doctor_advise(d, "Make room there.");
	}
}

static void judge_limits(struct doctor *d, const struct machine_facts *f)
{
	if (f->files_hard < FILES_LEAST) {
		doctor_say(d, DOCTOR_LIMITS, DOCTOR_WRONG,
			   "A process may have %lld open files: the agent cannot serve a "
			   "build of more jobs than that.",
			   (long long)f->files_hard);
		doctor_advise(d, "Raise the hard limit (ulimit -Hn, limits.conf).");
	} else if (f->files_hard < FILES_WELL) {
		doctor_say(d, DOCTOR_LIMITS, DOCTOR_NOTE,
			   "A process may have %lld open files, which bounds the jobs of a "
			   "build.",
			   (long long)f->files_hard);
		doctor_advise(d, "Raise the hard limit (ulimit -Hn, limits.conf).");
	} else {
		doctor_say(d, DOCTOR_LIMITS, DOCTOR_OK,
			   "Open files: %lld, and the agent takes up to %lld.",
			   (long long)f->files_soft, (long long)f->files_hard);
	}
	if (f->processes < PROCESSES_WELL) {
		doctor_say(d, DOCTOR_LIMITS, DOCTOR_NOTE,
			   "This user may have %lld processes, and each job is one or two "
			   "here, wherever it is compiled.",
			   (long long)f->processes);
		doctor_advise(d, "Raise the limit (ulimit -u), or build with fewer jobs.");
	} else {
		doctor_say(d, DOCTOR_LIMITS, DOCTOR_OK,
			   "Processes: enough for a wide build.");
	}
}

/* What forbids user namespaces to somebody who is not root. */
static void advise_namespaces(struct doctor *d, const struct machine_facts *f)
{
	if (f->max_user_namespaces == 0)
		doctor_advise(d, "As root: sysctl user.max_user_namespaces=10000.");
	else if (f->userns_clone == 0)
		doctor_advise(d, "As root: sysctl kernel.unprivileged_userns_clone=1.");
	else if (f->apparmor_restricts > 0)
		doctor_advise(d, "As root: give muster-worker an AppArmor profile with "
				 "\"userns,\", or sysctl "
				 "kernel.apparmor_restrict_unprivileged_userns=0.");
	else
		doctor_advise(d, "In a container, let it make namespaces (podman or docker "
				 "--privileged, or a seccomp profile that allows clone and "
				 "unshare), or run the worker outside.");
}

static void judge_sandbox(struct doctor *d, const struct machine_facts *f)
{
	if (f->kernel_major < KERNEL_MAJOR ||
	    (f->kernel_major == KERNEL_MAJOR && f->kernel_minor < KERNEL_MINOR)) {
		doctor_say(d, DOCTOR_SANDBOX, DOCTOR_NOTE,
			   "Linux %u.%u cannot confine the compiles of a worker; %d.%d and "
			   "later can. Clients would send it preprocessed source.",
			   f->kernel_major, f->kernel_minor, KERNEL_MAJOR, KERNEL_MINOR);
		doctor_advise(d, "Update the kernel before running a worker here.");
	} else if (f->namespaces_error) {
		doctor_say(d, DOCTOR_SANDBOX, DOCTOR_NOTE,
			   "A worker on this machine could not confine compiles (user "
			   "namespaces: %s), so clients would send it preprocessed source, "
			   "which costs them more.",
			   strerror(f->namespaces_error));
		advise_namespaces(d, f);
	} else {
		doctor_say(d, DOCTOR_SANDBOX, DOCTOR_OK,
			   "A worker on this machine could confine compiles (user "
			   "namespaces%s).",
			   f->root ? ", as root" : "");
	}
}

void doctor_machine_judge(struct doctor *d, const struct machine_facts *f)
{
	judge_memory(d, f);
	judge_limits(d, f);
	judge_sandbox(d, f);
}
