namespace LoraSharp.Training;

/// <summary>
/// Mixed precision (Micikevicius et al. 2018) with the semantics of torch.autocast: inputs and weights of linear layers and attention are converted for each product; weights, norms, softmax, the residual stream, the
/// loss and the optimizer keep their types. The trained weights should be float32.
/// </summary>
public enum MixedPrecision
{
    /// <summary>Everything is computed in the types that the model has.</summary>
    None,

    /// <summary>Products in bfloat16.</summary>
    BFloat16,

    /// <summary>
    /// Products in float16, with a loss scale that adapts: 65536 at first, halved when a gradient is not finite (that step is skipped), doubled after 2000 good steps in a row. Semantics of torch's GradScaler.
    /// </summary>
    Float16,
}
