"""Masks of everything in an image: a grid of points, each clicked alone, and what filters leave of the answers.

The steps and thresholds are those of segment-anything's SamAutomaticMaskGenerator (and sam2's, which differs in its
defaults only); the network's part is shared and cut short (networks/two_way_prompts.py), masks are born as runs
(networks/upsample.py) and nothing has the image's full size. Where paper and code differ, or leave a choice:

- Masks of 95 % of the image and more are dropped, as the paper says (appendix B) and the code does not. They are
  dropped before suppression, so that they cannot push out a better mask; `max_area_share` 1 turns it off.
- A mask whose largest island is smaller than `min_mask_region_area` is deleted, as the paper says; the code keeps that
  island. Holes are filled before islands are removed, and both 8-connected, as in the code.
- Cleanup comes after all suppression and is followed by another one, in which unchanged masks win, as in the code; the
  paper leaves its place open. SAM 2's generator never cleans its masks, but fills low-resolution logits where a CUDA
  kernel is there; here areas are pixels of the image for every network.
- Boxes in suppression and in the 20-pixel rule name the last row and column inside, as in the code, so that thresholds
  mean the same. The boxes that are answered count pixels, as COCO's do: one wider and one higher than the code's.
- Stability is measured at the image's resolution. The empty mask has none: it is dropped, also where the filter is off.
- Logits are upsampled in one step, as for clicks, so that a click on the same point gives the same mask. SAM's own code
  goes over 1024 x 1024: masks differ by rounded corners of less than a low-resolution pixel.
- `crop_overlap_ratio` is a fraction, which the published script reads as a whole number. A layer's grid has at least
  one point, and crops without pixels are left out.
"""

from model_server.automatic.generate import Generated, Generator

__all__ = ["Generated", "Generator"]
