/* SPDX-License-Identifier: MIT */
/* The .bval and .bvec texts of a diffusion volume, as FSL reads them: numbers in "%g", apart by
 * a space, a line of b-values, a line for each of x, y, z. */
#ifndef TEXT_GRADIENTS_H
#define TEXT_GRADIENTS_H

struct buf;
struct volume;

/* Nothing is appended where the volume has none. */
void gradients_render_bval(const struct volume *v, struct buf *out);
void gradients_render_bvec(const struct volume *v, struct buf *out);

#endif
