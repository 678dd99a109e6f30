/* Writes the files of a process in new namespaces: uid_map, gid_map, setgroups and timens_offsets.
 *
 * That is done by a process of its own, the mapper, which is forked before anything is joined: it
 * is in no pid namespace where others see it, only there it has the right to map others than
 * ourselves, and the programs that it runs are those of this side. Of all that is to be joined it
 * joins the user namespace alone, for a map is written from the one above.
 */
#pragma once

void start_mapper(void);
void be_mapped(void); /* in the new namespaces */
