/* Where a profile's files and its agent's socket are. */
#ifndef SOTTO_PATHS_H
#define SOTTO_PATHS_H

#include "err.h"

struct sockaddr_un;

/* Absolute paths. With SOTTO_HOME=DIR all are under DIR: DIR/PROFILE/sotto.conf,
 * DIR/PROFILE/ (data), DIR/run/PROFILE.sock. Else XDG Base Directory:
 * $XDG_CONFIG_HOME/sotto/PROFILE/sotto.conf, $XDG_DATA_HOME/sotto/PROFILE/,
 * $XDG_RUNTIME_DIR/sotto/PROFILE.sock (without XDG_RUNTIME_DIR: data/run.sock).
 * As that specification asks, an XDG variable that is relative is ignored. */
struct paths {
	char *profile;
	char *config_file;
	char *data_dir;
	char *socket_dir;
	char *socket;
};

/* profile NULL: $SOTTO_PROFILE, then "default". A profile's name is 1 to 64 of
 * [A-Za-z0-9_-]: ERR_USAGE. ERR_FORMAT when HOME is unset. Makes nothing. */
int paths_init(struct paths *p, const char *profile) must_check;
void paths_finish(struct paths *p);
/* mkdir -p, mode 0700; ERR_SYSTEM with errno. One that is there already and is
 * another user's, or that everybody may write to, is refused with EPERM: who can
 * put files there can take the socket's and the key's place. */
int paths_make_dir(const char *dir) must_check;

/* The address to bind or connect to. A path that is too long for a socket
 * address (107 bytes, unix(7)) is reached through /proc/self/fd: then *dir_fd
 * is open and the caller closes it after bind or connect, else it is -1.
 * ERR_SYSTEM with errno (ENOENT: socket_dir is not there). */
int paths_socket_address(const struct paths *p, struct sockaddr_un *out,
			 int *dir_fd) must_check;

/* The path of a program of ours: beside the running one (a build tree), else in
 * ../libexec/sotto from there. Heap; NULL when absent. */
char *paths_program(const char *name) must_check;

#endif
