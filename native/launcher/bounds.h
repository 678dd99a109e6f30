/* Puts the program under what holds its target down, besides rights: its limits of resources, how
 * soon it is killed for memory, its label.
 */
#pragma once

void prepare_bounds(void); /* before anything is joined */
void lower_limits(void);   /* after it */
