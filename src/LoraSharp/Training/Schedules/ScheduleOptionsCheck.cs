namespace LoraSharp.Training;

/// <summary>Says before a run starts what is wrong with a schedule's arguments.</summary>
internal static class ScheduleOptionsCheck
{
    private static readonly string[] Plateau =
    [
        nameof(SchedulerOptions.Mode), nameof(SchedulerOptions.Factor), nameof(SchedulerOptions.Patience), nameof(SchedulerOptions.Threshold),
        nameof(SchedulerOptions.ThresholdMode), nameof(SchedulerOptions.Cooldown), nameof(SchedulerOptions.MinLr), nameof(SchedulerOptions.Eps),
    ];

    public static void Validate(SchedulerType type, double learningRate, int warmup, int total, SchedulerOptions options)
    {
        if (!Enum.IsDefined(type))
        {
            throw new ArgumentException($"{type} is not a scheduler type; the types are {string.Join(", ", Enum.GetNames<SchedulerType>())}.", nameof(type));
        }

        if (!double.IsFinite(learningRate) || learningRate < 0)
        {
            throw new ArgumentException($"The learning rate {learningRate} is not a finite number of at least 0.", nameof(learningRate));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(warmup);
        ArgumentOutOfRangeException.ThrowIfNegative(total);
        string[] known = Known(type);
        if (options.Given().FirstOrDefault(name => !known.Contains(name)) is { } foreign)
        {
            string may = known.Length == 0 ? "takes no options" : $"takes {string.Join(", ", known)}";
            throw new ArgumentException($"The schedule {type} has no option {foreign}; it {may}.", nameof(options));
        }

        switch (type)
        {
            case SchedulerType.Polynomial:
                double end = options.LrEnd ?? 1e-7;
                Require(learningRate > end, $"LrEnd ({end}) must be below the learning rate ({learningRate}).");
                break;
            case SchedulerType.CosineWithMinLr or SchedulerType.CosineWarmupWithMinLr:
                Require(options.MinLr is null != options.MinLrRate is null, $"The schedule {type} needs exactly one of MinLr and MinLrRate.");
                Require(options.MinLr is null || learningRate > 0, "MinLr needs a learning rate above 0; give MinLrRate.");
                break;
            case SchedulerType.WarmupStableDecay:
                Require(options.NumDecaySteps is >= 0, "The schedule WarmupStableDecay needs NumDecaySteps, the length of its decay.");
                break;
            case SchedulerType.InverseSqrt:
                Require(options.Timescale is null or >= 0, $"Timescale ({options.Timescale}) must be above 0.");
                break;
            case SchedulerType.ReduceLrOnPlateau or SchedulerType.Greedy:
                Require(options.Factor is null or (> 0 and < 1), $"Factor ({options.Factor}) must lie between 0 and 1.");
                Require(options.Patience is null or >= 0, $"Patience ({options.Patience}) must be at least 0.");
                Require(options.WindowSize is null or >= 1, $"WindowSize ({options.WindowSize}) must be at least 1.");
                break;
            default:
                break;
        }

        static void Require(bool condition, string message)
        {
            if (!condition)
            {
                throw new ArgumentException(message, nameof(options));
            }
        }
    }

    private static string[] Known(SchedulerType type) => type switch
    {
        SchedulerType.Cosine or SchedulerType.CosineWithRestarts => [nameof(SchedulerOptions.NumCycles)],
        SchedulerType.Polynomial => [nameof(SchedulerOptions.LrEnd), nameof(SchedulerOptions.Power)],
        SchedulerType.InverseSqrt => [nameof(SchedulerOptions.Timescale)],
        SchedulerType.CosineWithMinLr => [nameof(SchedulerOptions.NumCycles), nameof(SchedulerOptions.MinLr), nameof(SchedulerOptions.MinLrRate)],
        SchedulerType.CosineWarmupWithMinLr =>
        [
            nameof(SchedulerOptions.NumCycles), nameof(SchedulerOptions.MinLr), nameof(SchedulerOptions.MinLrRate), nameof(SchedulerOptions.WarmupLrRate),
        ],
        SchedulerType.WarmupStableDecay =>
        [
            nameof(SchedulerOptions.NumDecaySteps), nameof(SchedulerOptions.NumStableSteps), nameof(SchedulerOptions.WarmupType),
            nameof(SchedulerOptions.DecayType), nameof(SchedulerOptions.MinLrRatio), nameof(SchedulerOptions.NumCycles),
        ],
        SchedulerType.ReduceLrOnPlateau => Plateau,
        SchedulerType.Greedy =>
        [
            .. Plateau, nameof(SchedulerOptions.Warmup), nameof(SchedulerOptions.MaxLr), nameof(SchedulerOptions.Smooth),
            nameof(SchedulerOptions.WindowSize), nameof(SchedulerOptions.ResetStart),
        ],
        _ => [],
    };
}
