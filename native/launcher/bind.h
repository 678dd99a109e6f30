/* Binds new namespaces to files, so that they stay.
 *
 * That is done by a helper, the binder, which is where the files are meant: in the mount namespace
 * that we come from, and with our rights there. A mount namespace could not be bound in itself.
 */
#pragma once

void start_binder(void);
void ask_binder(void);
void hear_binder(void); /* whoever goes on as the program */
