namespace LoraSharp.Training;

/// <summary>
/// The arguments of the individual schedules (Hugging Face's <c>lr_scheduler_kwargs</c>). What is null has the default of its schedule; giving
/// one that the chosen <see cref="SchedulerType"/> does not use is an error.
/// </summary>
public sealed record SchedulerOptions
{
    /// <summary>Waves of the cosine schedules: default 0.5 (<see cref="SchedulerType.CosineWithRestarts"/>: 1).</summary>
    public double? NumCycles { get; init; }

    /// <summary>
    /// The lowest rate. Cosine schedules with a floor need this or <see cref="MinLrRate"/>; default 0 for
    /// <see cref="SchedulerType.ReduceLrOnPlateau"/> and 1e-3 for <see cref="SchedulerType.Greedy"/>.
    /// </summary>
    public double? MinLr { get; init; }

    /// <summary>The floor of the cosine schedules as a share of the learning rate.</summary>
    public double? MinLrRate { get; init; }

    /// <summary>Where the warm-up of <see cref="SchedulerType.CosineWarmupWithMinLr"/> starts, as a share of the learning rate.</summary>
    public double? WarmupLrRate { get; init; }

    /// <summary>The last rate of <see cref="SchedulerType.Polynomial"/>: default 1e-7.</summary>
    public double? LrEnd { get; init; }

    /// <summary>The exponent of <see cref="SchedulerType.Polynomial"/>: default 1.</summary>
    public double? Power { get; init; }

    /// <summary>τ of <see cref="SchedulerType.InverseSqrt"/> in steps: default the warm-up, or 10000 without one.</summary>
    public double? Timescale { get; init; }

    /// <summary>Steps of the decay of <see cref="SchedulerType.WarmupStableDecay"/>; must be given.</summary>
    public int? NumDecaySteps { get; init; }

    /// <summary>Steps at the full rate of <see cref="SchedulerType.WarmupStableDecay"/>: default what warm-up and decay leave.</summary>
    public int? NumStableSteps { get; init; }

    /// <summary>The shape of the warm-up of <see cref="SchedulerType.WarmupStableDecay"/>: default linear.</summary>
    public DecayShape? WarmupType { get; init; }

    /// <summary>The shape of the decay of <see cref="SchedulerType.WarmupStableDecay"/>: default cosine.</summary>
    public DecayShape? DecayType { get; init; }

    /// <summary>The floor of <see cref="SchedulerType.WarmupStableDecay"/> as a share of the rate: default 0. The warm-up starts there.</summary>
    public double? MinLrRatio { get; init; }

    /// <summary>Which direction of the metric is better: default <see cref="MetricMode.Min"/>.</summary>
    public MetricMode? Mode { get; init; }

    /// <summary>What the rate is multiplied by, in (0, 1): default 0.1 (plateau), 0.95 (greedy).</summary>
    public double? Factor { get; init; }

    /// <summary>How many evaluations in a row may fail (greedy: or succeed) before the rate moves: default 10.</summary>
    public int? Patience { get; init; }

    /// <summary>What counts as an improvement: default 1e-4 (plateau), 1e-6 (greedy).</summary>
    public double? Threshold { get; init; }

    /// <summary>How the threshold is measured: default relative (plateau), absolute (greedy).</summary>
    public ThresholdMode? ThresholdMode { get; init; }

    /// <summary>Evaluations to wait after the rate was lowered: default 0.</summary>
    public int? Cooldown { get; init; }

    /// <summary>Changes of the rate that are not larger than this are not made: default 1e-8.</summary>
    public double? Eps { get; init; }

    /// <summary>Evaluations to wait after <see cref="SchedulerType.Greedy"/> raised the rate: default 0.</summary>
    public int? Warmup { get; init; }

    /// <summary>The highest rate of <see cref="SchedulerType.Greedy"/>: default 1.</summary>
    public double? MaxLr { get; init; }

    /// <summary>Whether <see cref="SchedulerType.Greedy"/> looks at the mean of the last <see cref="WindowSize"/> values: default false.</summary>
    public bool? Smooth { get; init; }

    /// <summary>How many values <see cref="Smooth"/> averages: default 50.</summary>
    public int? WindowSize { get; init; }

    /// <summary>How often <see cref="SchedulerType.Greedy"/> may find itself at the lowest rate before it starts anew: default 500.</summary>
    public int? ResetStart { get; init; }

    /// <summary>The names of the options that are set.</summary>
    internal IEnumerable<string> Given() =>
        typeof(SchedulerOptions).GetProperties().Where(property => property.GetValue(this) is not null).Select(property => property.Name);
}
