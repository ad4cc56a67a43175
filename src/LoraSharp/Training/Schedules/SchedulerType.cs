using System.Text.Json.Serialization;

namespace LoraSharp.Training;

/// <summary>The shape of the learning rate over a run, with the names of Hugging Face's <c>lr_scheduler_type</c>.</summary>
/// <remarks>
/// t is the number of optimizer steps taken, W the warm-up steps, T all steps, q = (t − W) / max(1, T − W). In warm-up the rate rises as
/// t / max(1, W) unless the type says otherwise.
/// </remarks>
[JsonConverter(typeof(JsonStringEnumConverter<SchedulerType>))]
public enum SchedulerType
{
    /// <summary>Falls in a straight line to 0 at T.</summary>
    [JsonStringEnumMemberName("linear")]
    Linear,

    /// <summary>½(1 + cos 2πcq) with c = <see cref="SchedulerOptions.NumCycles"/> (0.5). Not clamped: past T it rises again.</summary>
    [JsonStringEnumMemberName("cosine")]
    Cosine,

    /// <summary>½(1 + cos π(cq mod 1)) with c = <see cref="SchedulerOptions.NumCycles"/> (1) hard restarts; 0 from T on.</summary>
    [JsonStringEnumMemberName("cosine_with_restarts")]
    CosineWithRestarts,

    /// <summary>(1 − q)^<see cref="SchedulerOptions.Power"/> down to <see cref="SchedulerOptions.LrEnd"/>.</summary>
    [JsonStringEnumMemberName("polynomial")]
    Polynomial,

    /// <summary>The same rate throughout; warm-up is ignored.</summary>
    [JsonStringEnumMemberName("constant")]
    Constant,

    /// <summary>The same rate after warm-up.</summary>
    [JsonStringEnumMemberName("constant_with_warmup")]
    ConstantWithWarmup,

    /// <summary>1 / √((t + τ − W) / τ), τ = <see cref="SchedulerOptions.Timescale"/> (W, or 10000 without warm-up).</summary>
    [JsonStringEnumMemberName("inverse_sqrt")]
    InverseSqrt,

    /// <summary>Lowers the rate when an evaluation metric stops improving. Moves only after evaluations.</summary>
    [JsonStringEnumMemberName("reduce_lr_on_plateau")]
    ReduceLrOnPlateau,

    /// <summary>Cosine down to <see cref="SchedulerOptions.MinLr"/> or <see cref="SchedulerOptions.MinLrRate"/>; the warm-up starts at 0.</summary>
    [JsonStringEnumMemberName("cosine_with_min_lr")]
    CosineWithMinLr,

    /// <summary>As <see cref="CosineWithMinLr"/>, one step ahead, with a warm-up from <see cref="SchedulerOptions.WarmupLrRate"/>.</summary>
    [JsonStringEnumMemberName("cosine_warmup_with_min_lr")]
    CosineWarmupWithMinLr,

    /// <summary>Warm-up, a stable phase, a decay over <see cref="SchedulerOptions.NumDecaySteps"/>, then the floor.</summary>
    [JsonStringEnumMemberName("warmup_stable_decay")]
    WarmupStableDecay,

    /// <summary>Raises the rate while an evaluation metric improves and lowers it when it does not (GreedyLR, arXiv:2512.14527).</summary>
    [JsonStringEnumMemberName("greedy")]
    Greedy,
}
