#include "reload.h"

#include "config.h"
#include "log.h"
#include "settings.h"
#include "ws.h"

void reload(const struct config *running, int argc, char **argv,
	    struct core *core, struct ws *ws)
{
	struct config fresh;

	if (config_load(&fresh, argc, argv) < 0) {
		log_error("nothing is reloaded: %s", fresh.error);
		goto out;
	}
	if (ws_reload(ws, &fresh.ws) < 0) {
		log_error("nothing is reloaded");
		goto out;
	}
	core_configure(core, &fresh.core);
	log_init("sotto-relay", fresh.log_level);
	for (size_t i = 0; i < SETTINGS_N; i++) {
		const struct setting *s = settings_at(i);

		if (settings_wait(s) && !settings_same(running, &fresh, s))
			log_warn("%s changes with the next start",
				 settings_name(s));
	}
	log_info("settings and certificate are reloaded");
out:
	config_finish(&fresh);
}
