/* Which files the program is given, where it begins with new numbers. */
#pragma once

void arrange_files(void);
