//! What the weighted sums of all families are declared with.

/// [`loss!`](crate::macros::loss!) of a sum of losses of one family.
macro_rules! weighted_sum {
    (
        $family:ident: $any:ident, $family_config:ident, [$($name:ident: $default:ident),+];
        $(#[$meta:meta])*
        $(validate $validate:expr;)?
    ) => {
        $crate::macros::loss! {
            $family "weighted_sum": "a sum of losses of this family, each with its weight";

            /// A sum of losses of this family, each with its weight.
            ///
            /// # Formula
            /// ```text
            /// sum_k w_k l_k
            /// ```
            /// of the unreduced values l_k of the terms. They are reduced once, as this config says: a term has no `reduction` of
            /// its own. A mean divides by sum_k |w_k| n_k / sum_k |w_k|, where n_k is what the mean of term k alone divides by: the
            /// number of its values, of its pairs, or the sum of its class weights. So a sum of one term of weight 1 is that term.
            /// For means that each divide by their own n_k: `JointLossConfig`.
            ///
            /// Terms of several families, weights that change while training, and one curve per term:
            /// [`JointLossConfig`](crate::composition::JointLossConfig).
            ///
            $(#[$meta])*
            pub struct WeightedSumLoss {
                losses: Vec<super::$any> =
                    |config, device| config.terms.losses().map(|loss| loss.init(device)).collect(),
            }

            /// Config of [`WeightedSumLoss`].
            pub struct WeightedSumLossConfig {
                /// The losses by name, each with a `weight` (1 where it is not given).
                terms: $crate::terms::Terms<super::$family_config> =
                    $crate::terms::Terms::new()$(.with(stringify!($name), 1.0, super::$default::new()))+;
            }
            $(validate $validate;)?
        }
    };
}
pub(crate) use weighted_sum;
