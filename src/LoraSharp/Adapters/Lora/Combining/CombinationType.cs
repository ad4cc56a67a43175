namespace LoraSharp;

/// <summary>How several LoRA adapters become one, with PEFT's meanings. A weight multiplies an adapter's scaling.</summary>
public enum CombinationType
{
    /// <summary>A and B added separately, each with the root of weight · scaling: not the sum of the updates. Needs equal ranks.</summary>
    Linear,

    /// <summary>A and B side by side: exactly the weighted sum of the updates; the ranks add up.</summary>
    Cat,

    /// <summary>The weighted sum of the updates, cut to a rank by singular values.</summary>
    Svd,

    /// <summary>TIES (Yadav et al. 2023): prune, elect a sign, average what agrees; on A and B separately. Needs equal ranks.</summary>
    Ties,

    /// <summary>TIES on the updates, cut to a rank.</summary>
    TiesSvd,

    /// <summary>DARE (Yu et al. 2023): random dropping with rescaling, then the sum; on A and B separately. Needs equal ranks.</summary>
    DareLinear,

    /// <summary>Random dropping, then sign election and average; on A and B separately. Needs equal ranks.</summary>
    DareTies,

    /// <summary>DARE on the updates, cut to a rank.</summary>
    DareLinearSvd,

    /// <summary>DARE and TIES on the updates, cut to a rank.</summary>
    DareTiesSvd,

    /// <summary>The largest elements only, then the sum; on A and B separately. Needs equal ranks.</summary>
    MagnitudePrune,

    /// <summary>The largest elements of the updates, then the sum, cut to a rank.</summary>
    MagnitudePruneSvd,
}
