/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supervisor/conf_file.h - reads cloister.conf(5)
 */
#ifndef SUPERVISOR_CONF_FILE_H
#define SUPERVISOR_CONF_FILE_H

#include "supervisor/conf.h"
#include "supervisor/serve.h"

#define CONF_FILE_OPTIONAL 1u	/* not there is fine */

/*
 * Adds what @path says to @c.  @late NULL: the file may have no [guest].
 * A refusal's line begins "PATH:LINE: KEY".
 */
enum conf_result conf_file_read(struct conf *c, const char *path, unsigned int flags,
				struct serve_late *late);

#endif /* SUPERVISOR_CONF_FILE_H */
