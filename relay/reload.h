/* SIGHUP: what changes in a relay that runs. */
#ifndef SOTTO_RELOAD_H
#define SOTTO_RELOAD_H

struct config;
struct core;
struct ws;

/* Reads the settings again as config_load did: takes over the certificate, the
 * rates, memory, connections and the log level, and logs which others wait for
 * a restart. What is wrong is logged, and nothing of it is taken over. */
void reload(const struct config *running, int argc, char **argv,
	    struct core *core, struct ws *ws);

#endif
