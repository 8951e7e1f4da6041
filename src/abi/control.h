/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi/control.h - how cloisterctl talks to a supervisor
 *
 * A UNIX stream socket in the guest's run directory, for root and for the
 * supervisor's uid.  A request is one JSON object,
 *	{"execute": NAME, "arguments": {...}, "id": ANY}
 * and so is the reply, with the same id, ended by CR LF:
 *	{"return": ...} or {"error": {"class": NAME, "desc": TEXT}}
 * There is no greeting.  The commands are in supervisor/control_cmd.def, and
 * only "trace" has a descriptor come along.
 */
#ifndef ABI_CONTROL_H
#define ABI_CONTROL_H

#define CONTROL_SOCKET	"control.sock"

#endif /* ABI_CONTROL_H */
