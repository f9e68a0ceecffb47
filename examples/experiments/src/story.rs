//! The texts of the report, besides the figures.

use crate::config::Experiment;

/// The text before the figures of an experiment.
pub(crate) fn text(experiment: Experiment) -> &'static str {
    match experiment {
        Experiment::Images => IMAGES,
        Experiment::Regression => REGRESSION,
        Experiment::Imbalanced => IMBALANCED,
        Experiment::Segmentation => SEGMENTATION,
        Experiment::Boxes => BOXES,
        Experiment::Text => TEXT,
        Experiment::Metric => METRIC,
        Experiment::Center => CENTER,
        Experiment::Margins => MARGINS,
        Experiment::Intervals => INTERVALS,
        Experiment::LongTail => LONG_TAIL,
        Experiment::Rotated => ROTATED,
        Experiment::Sequences => SEQUENCES,
        Experiment::Ranking => RANKING,
    }
}

/// The explanation of the images in a plane.
pub(crate) fn scatters(experiment: Experiment) -> &'static str {
    match experiment {
        Experiment::Center => "Their embeddings, each loss on a scale of its own; the cross is the mean of a class.",
        Experiment::Metric | Experiment::Margins => {
            "The directions of their embeddings, along the two axes on which they differ most."
        }
        _ => "",
    }
}

/// The explanation of the tiles.
pub(crate) const TILES: &str = "The held-out tiles: what was found (white), too much (orange), too little (blue). The \
name of a loss leads to its probabilities.";
/// The explanation of the maps.
pub(crate) const MAPS: &str =
    "The mean error that is left, by the point from which boxes set out; the targets lie around the cross.";

const IMAGES: &str = "<p>Ten kinds of garments, and a small network with one hidden layer. The losses are compared by accuracy, and by \
how sure the network is: confidence is the mean probability of its answers, and the calibration error is how far that is from the \
share of right answers.</p>";

const REGRESSION: &str = "<p>A line through 47 stars, of which four giants lie far off: squared error turns the line round, and Huber's \
loss does not help, since the giants are far off along the horizontal axis. Tukey's biweight gives them no gradient, but it has to \
begin near the other stars. The food expenses of 235 households spread more the higher the income is: lines for the quantiles .1, .5 \
and .9 fan out. A full run compares every line with the known minimum of its loss.</p>";

const IMBALANCED: &str = "<p>Seven in a hundred rows of a space shuttle's sensors are anomalies. Average precision does not depend on a \
threshold; precision and recall are those at a probability of one half. A loss that weighs both classes alike moves that threshold: it \
finds more anomalies, and raises more false alarms.</p>";

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
const METRIC: &str = "<p>A network embeds pictures of seven classes so that those of one class point in one direction. What counts is \
how often the nearest held-out picture, by the cosine, is of the same class: among the classes that were learned, and among three \
that training never saw; and how much of it the network did not have before it was trained. Triplets with the hardest negative \
of each row learn least: pulling at what is most alike first presses everything together. Those with the nearest positive \
(<code>triplet_easy</code>) leave a class its inner shape, and do best on what was never seen; those that look only at what is \
still undecided (<code>semi_hard</code>) fit the known classes, and lose there.</p>";

const CENTER: &str = "<p>The experiment of <a href=\"https://doi.org/10.1007/978-3-319-46478-7_31\">Wen et al. 2016</a>: embeddings of \
two numbers, softmax cross-entropy and lambda times the center loss. With lambda grows what the second term does: a class draws \
together around its center, faster than the centers do around each other. Up to .1 the accuracy hardly changes: what the paper finds \
for faces, a higher one, does not show here.</p>";

const MARGINS: &str = "<p>Embeddings of three numbers: directions on a sphere. A head with a margin asks for more than the right \
answer: an embedding has to be nearer to its class than to the others by some factor, cosine or angle. L-Softmax and A-Softmax are \
softmax with a margin. With the margins 1, 2, 3 and 4 of L-Softmax (1 is softmax) a class draws together more and more. Where classes \
overlap, as shirts and pullovers do, that costs right answers. AM-Softmax, CosFace and ArcFace see directions only; beside the same \
without a margin (<code>normalized_softmax</code>), which is content as soon as the right class leads a little, they are more often \
right. On so small a sphere they do not draw a class closer than softmax does, and how well pairs of classes that were never seen \
are told apart depends more on the seed than on the head.</p>";

const INTERVALS: &str = "<p>The upper half of a garment foretells how bright the lower half is, with an interval that 90 % of the targets \
should lie in: the quantiles .05 and .95. A network for each of seven quantiles knows nothing of the others, and in about every \
third row some quantile lies above the next one. A penalty of crossings halves that. One network for all seven \
(<code>multi_quantile</code>) has crossings in hardly any row, and the best interval score: its intervals are the narrowest, and \
cover 88 to 89 %. A Gaussian, whose two sides are of equal length, covers 90 % with wider intervals.</p>";

const LONG_TAIL: &str = "<p>The first class has 700 images to train on, the last one 7. Held-out images are of all classes alike, so what \
counts is the mean of the recalls. Cross-entropy knows the frequent classes, and answers with them where it is in doubt. Weights by \
the effective number of images and logits with the prior added gain about four points each, and lose less among the frequent \
classes. The prior shifts more from the frequent to the rare classes than weights do; half of it is in between.</p>";

const ROTATED: &str = "<p>Trousers and dresses at any angle, and the box around each. Losses of rotated boxes see a box as a Gaussian: \
half a turn of it is the same, and so is a quarter of a turn with its sides exchanged. They recover the angle to two or three \
degrees. Smooth L1 compares the numbers themselves. It punishes an angle of 89 degrees where -89 are asked for, though the boxes \
are nearly the same, and so it is wrong where angles leave their range.</p>";

const SEQUENCES: &str = "<p>A network looks at a strip of two to five garments through a window, in 20 steps, and has to say what is in \
the strip from left to right. Nobody says where a garment is. CTC adds up all alignments of labels and steps, and finds the places \
itself. The simple guess, to spread the labels evenly over the steps, makes four times as many errors. The label error rate counts \
insertions, deletions and substitutions.</p>";

const RANKING: &str = "<p>A garment is the query, and a first search has found the 20 nearest of 80 others. They are put into a better \
order: those of the same class first (grade 2), then those of the same group, as all shoes (grade 1). Squared error fits the grade of \
each candidate by itself. Losses of pairs and of whole lists see only the order within a list, and do better with the same network. \
LambdaRank weights pairs by what they mean for NDCG, and is ahead among the first five.</p>";
