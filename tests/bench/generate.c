/* component: relay
 * Load for a relay, or for the bare baseline: workloads of tests/bench/load/load.h.
 *
 * Usage: generate WORKLOAD --port N --pid N [--users N] [--seconds S] [--window N]
 *                [--rate N] [--messages N] [--one] [--bare]
 * One line of JSON on standard output.
 */
#include <getopt.h>
#include <sodium.h>
#include <sys/resource.h>

#include "load/load.h"

static const struct {
	const char *name;
	void (*run)(struct load *l);
} workloads[] = {
	{ "online", online }, { "offline", offline }, { "idle", idle },
	{ "enroll", enroll },
};

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "pid", required_argument, NULL, 'P' },
	{ "users", required_argument, NULL, 'u' },
	{ "seconds", required_argument, NULL, 's' },
	{ "window", required_argument, NULL, 'w' },
	{ "rate", required_argument, NULL, 'r' },
	{ "messages", required_argument, NULL, 'm' },
	{ "one", no_argument, NULL, '1' },
	{ "bare", no_argument, NULL, 'b' },
	{ .name = NULL },
};

static void set(struct load *l, int option)
{
	double v = optarg ? atof(optarg) : 0;

	switch (option) {
	case 'p':
		l->port = (uint16_t)v;
		break;
	case 'P':
		l->pid = (pid_t)v;
		break;
	case 'u':
		l->users = (unsigned)v;
		break;
	case 's':
		l->seconds = v;
		break;
	case 'w':
		l->window = (unsigned)v;
		break;
	case 'r':
		l->rate = v;
		break;
	case 'm':
		l->messages = (unsigned)v;
		break;
	case '1':
		l->one = true;
		break;
	case 'b':
		l->kind = WIRE_BARE;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct load l = { .kind = WIRE_WEBSOCKET, .users = 200, .seconds = 2,
			  .window = 16, .messages = 10000 };
	struct rlimit limit;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		set(&l, option);
	if (sodium_init() < 0 || !l.port || optind + 1 != argc)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++) {
		if (strcmp(argv[optind], workloads[i].name) == 0) {
			workloads[i].run(&l);
			return 0;
		}
	}
	return 2;
}
