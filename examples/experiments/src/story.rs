//! What the report says of the experiments beside their figures.

use crate::config::Experiment;

/// What leads up to the figures of an experiment.
pub(crate) fn of(experiment: Experiment) -> &'static str {
    match experiment {
        Experiment::Segmentation => SEGMENTATION,
        Experiment::Boxes => BOXES,
        Experiment::Text => TEXT,
        _ => "",
    }
}

/// What the tiles show.
pub(crate) const TILES: &str = "The held-out tiles: what was found (white), too much (orange), too little (blue). The \
name of a loss leads to its probabilities.";
/// What the maps show.
pub(crate) const MAPS: &str =
    "The mean error that is left, by the point from which boxes set out; the targets lie around the cross.";

const SEGMENTATION: &str = "<p>Cores of nuclei are 4.9 % of the pixels. Cross-entropy counts pixels, and the background has most of \
them: it finds too little. Dice and its kin measure overlap, and Tversky's weights say which error costs more: the more a missed \
pixel does, the higher the recall. (Tversky with .5 is Dice.) Dice added to cross-entropy mends what that misses, and learns \
fastest.</p>";

const BOXES: &str = "<p>Boxes set out from points around seven targets and follow the gradient of their loss: the simulation of \
<a href=\"https://arxiv.org/abs/1911.08287\">the DIoU paper</a>, on 60 points instead of 5,000. In the paper the \
order at the end is IoU, GIoU, DIoU, CIoU, from the worst to the best. <b>True gradients give another one</b>: GIoU ends ahead of \
DIoU. The paper's curves come from its own code for the gradients, which doubles those of width and height, has wrong signs in \
DIoU's penalty for some positions, and a wrong GIoU gradient for boxes that do not overlap; setting that last one right takes \
GIoU's final error from .890 to .019. What holds of the paper's claims: IoU alone does not move a box that touches nothing; \
CIoU comes closest of the four, and closer still with the gradient of its aspect ratio multiplied by w&sup2; + h&sup2;, as the \
authors do it (<code>ciou_scaled</code>).</p>";

const TEXT: &str = "<p>One word foretells the next: an embedding of the first, and a class for each of 19,056 words. Perplexity is how many \
words one would have to choose from to be as uncertain; it is that of the full softmax for all of these, however they were trained. \
Sampled softmax draws some words at each step and takes the logarithm of how often each is expected from its logit: without that \
(<code>sampled_500_without_log_q</code>) frequent words, which are drawn often, are pushed down, and what is learned is not the \
probability of a word. Time is that of a step with its optimizer; memory is what a step has in use at the most beside the model and the \
optimizer's state, as the host's allocator counts it.</p>";
