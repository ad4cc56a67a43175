namespace LoraSharp.Training;

/// <summary>The factor of the learning rate as a function of t, the optimizer steps taken, for each schedule that no metric drives.</summary>
internal static class ScheduleFactors
{
    public static Func<long, double> Of(SchedulerType type, double learningRate, int warmup, int total, SchedulerOptions options)
    {
        double span = Math.Max(1, (double)total - warmup);
        double Ramp(long t) => t / (double)Math.Max(1, warmup);
        Func<long, double> WithRamp(Func<long, double> after) => t => t < warmup ? Ramp(t) : after(t);

        switch (type)
        {
            case SchedulerType.Constant:
                return _ => 1;
            case SchedulerType.ConstantWithWarmup:
                return WithRamp(_ => 1);
            case SchedulerType.Linear:
                return WithRamp(t => Math.Max(0, (total - t) / span));
            case SchedulerType.Cosine:
                double waves = options.NumCycles ?? 0.5;
                return WithRamp(t => Math.Max(0, CosineWave(waves, (t - warmup) / span)));
            case SchedulerType.CosineWithRestarts:
                double cycles = options.NumCycles ?? 1;
                return WithRamp(t => Restarts(cycles, (t - warmup) / span));
            case SchedulerType.InverseSqrt:
                double timescale = options.Timescale is { } given and not 0 ? given : warmup > 0 ? warmup : 10_000;
                return WithRamp(t => 1 / Math.Sqrt((t + timescale - warmup) / timescale));
            case SchedulerType.Polynomial:
                return WithRamp(t => Polynomial(t, learningRate, warmup, total, options.LrEnd ?? 1e-7, options.Power ?? 1));
            case SchedulerType.CosineWithMinLr:
                return WithRamp(Floored(0));
            case SchedulerType.CosineWarmupWithMinLr:
                Func<long, double> ahead = Floored(1);
                return t => t >= warmup ? ahead(t)
                    : options.WarmupLrRate is { } start ? start + ((1 - start) * t / Math.Max(1, warmup - 1))
                    : Ramp(t + 1);
            case SchedulerType.WarmupStableDecay:
                return WarmupStableDecay(warmup, total, options);
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "This schedule is driven by a metric, or unknown.");
        }

        Func<long, double> Floored(int lead)
        {
            double floor = options.MinLrRate ?? (options.MinLr!.Value / learningRate);
            double cycles = options.NumCycles ?? 0.5;
            return t => Math.Max(0, (CosineWave(cycles, (t - warmup + lead) / span) * (1 - floor)) + floor);
        }
    }

    private static double CosineWave(double cycles, double progress) => 0.5 * (1 + Math.Cos(Math.PI * 2 * cycles * progress));

    private static double Restarts(double cycles, double progress) =>
        progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (cycles * progress % 1))));

    private static double Polynomial(long t, double learningRate, int warmup, int total, double end, double power)
    {
        if (t > total || total == warmup)
        {
            return end / learningRate;
        }

        double remaining = 1 - ((t - warmup) / ((double)total - warmup));
        return (((learningRate - end) * Math.Pow(remaining, power)) + end) / learningRate;
    }

    private static Func<long, double> WarmupStableDecay(int warmup, int total, SchedulerOptions options)
    {
        int decay = options.NumDecaySteps!.Value;
        long stable = options.NumStableSteps ?? ((long)total - warmup - decay);
        double floor = options.MinLrRatio ?? 0;
        double cycles = options.NumCycles ?? 0.5;
        DecayShape rise = options.WarmupType ?? DecayShape.Linear;
        DecayShape fall = options.DecayType ?? DecayShape.Cosine;
        double Squeezed(double factor) => Math.Max(0, (factor * (1 - floor)) + floor);

        return t =>
        {
            if (t < warmup)
            {
                double p = t / (double)Math.Max(1, warmup);
                return Squeezed(rise switch
                {
                    DecayShape.Linear => p,
                    DecayShape.Cosine => 0.5 * (1 - Math.Cos(Math.PI * p)),
                    _ => 1 - Math.Sqrt(1 - p),
                });
            }

            if (t < warmup + stable)
            {
                return 1;
            }

            if (t < warmup + stable + decay)
            {
                double p = (t - warmup - stable) / (double)Math.Max(1, decay);
                return Squeezed(fall switch
                {
                    DecayShape.Linear => 1 - p,
                    DecayShape.Cosine => CosineWave(cycles, p),
                    _ => 1 - Math.Sqrt(p),
                });
            }

            return floor;
        };
    }
}
