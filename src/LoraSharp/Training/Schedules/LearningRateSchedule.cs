using System.Text.Json;
using System.Text.Json.Nodes;

namespace LoraSharp.Training;

/// <summary>
/// The learning rates of a run, one for each parameter group. Plain arithmetic in doubles: it knows no optimizer; the trainer copies
/// <see cref="Rates"/> before each step.
/// </summary>
public abstract class LearningRateSchedule
{
    private readonly double[] _rates;

    /// <summary>Starts a schedule at the given base rates.</summary>
    /// <param name="baseRates">The rate of each parameter group; the first is the run's learning rate.</param>
    /// <exception cref="ArgumentException">There is no rate, or one is negative or not finite.</exception>
    protected LearningRateSchedule(IReadOnlyList<double> baseRates)
    {
        ArgumentNullException.ThrowIfNull(baseRates);
        if (baseRates.Count == 0)
        {
            throw new ArgumentException("A schedule needs the learning rate of at least one parameter group.", nameof(baseRates));
        }

        foreach (double rate in baseRates)
        {
            if (!double.IsFinite(rate) || rate < 0)
            {
                throw new ArgumentException($"The learning rate {rate} is not a finite number of at least 0.", nameof(baseRates));
            }
        }

        BaseRates = [.. baseRates];
        _rates = [.. baseRates];
    }

    /// <summary>The rate of each parameter group that the next optimizer step uses.</summary>
    public IReadOnlyList<double> Rates => _rates;

    /// <summary>The rate of the first group: the one that is logged.</summary>
    public double Rate => _rates[0];

    /// <summary>How many times the schedule has moved.</summary>
    public long StepCount { get; protected set; }

    /// <summary>Whether only evaluations move this schedule: a run that never evaluates would keep one rate.</summary>
    public virtual bool NeedsMetric => false;

    /// <summary>The rates that the schedule started from.</summary>
    protected IReadOnlyList<double> BaseRates { get; }

    /// <summary>Makes the schedule of a type.</summary>
    /// <param name="type">The shape.</param>
    /// <param name="learningRate">The rate that the factors multiply.</param>
    /// <param name="warmupSteps">W, see <see cref="ResolveWarmupSteps"/>.</param>
    /// <param name="totalSteps">T, the optimizer steps of the whole run.</param>
    /// <param name="options">The type's own arguments; null for its defaults.</param>
    /// <param name="groupRates">The rate of each parameter group; null for one group at <paramref name="learningRate"/>.</param>
    /// <exception cref="ArgumentException">A value is out of range, missing, or does not belong to the type.</exception>
    public static LearningRateSchedule Create(
        SchedulerType type, double learningRate, int warmupSteps, int totalSteps, SchedulerOptions? options = null, IReadOnlyList<double>? groupRates = null)
    {
        ScheduleOptionsCheck.Validate(type, learningRate, warmupSteps, totalSteps, options ??= new SchedulerOptions());
        groupRates ??= [learningRate];
        return type switch
        {
            SchedulerType.ReduceLrOnPlateau => new PlateauSchedule(groupRates, options),
            SchedulerType.Greedy => new GreedySchedule(groupRates, options),
            _ => new FactorSchedule(groupRates, ScheduleFactors.Of(type, learningRate, warmupSteps, totalSteps, options)),
        };
    }

    /// <summary>A schedule of your own: every group's base rate is multiplied by <paramref name="factor"/>.</summary>
    /// <param name="factor">The factor for a number of optimizer steps taken (0 for the first step).</param>
    /// <param name="groupRates">The base rate of each parameter group.</param>
    public static LearningRateSchedule FromFactor(Func<long, double> factor, IReadOnlyList<double> groupRates)
    {
        ArgumentNullException.ThrowIfNull(factor);
        return new FactorSchedule(groupRates, factor);
    }

    /// <summary>Warm-up steps of a run: a value of at least 1 is a count, one below 1 is a share of the total, rounded up.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative or not finite.</exception>
    public static int ResolveWarmupSteps(double warmup, int totalSteps)
    {
        if (!double.IsFinite(warmup) || warmup < 0 || warmup > int.MaxValue)
        {
            throw new ArgumentOutOfRangeException(nameof(warmup), warmup, "Warm-up is a number of steps (1 or more) or a share of all steps (0 up to 1).");
        }

        return warmup >= 1 ? (int)warmup : (int)Math.Ceiling(totalSteps * warmup);
    }

    /// <summary>Called after each optimizer step. Schedules that a metric drives do not move here.</summary>
    public virtual void AfterOptimizerStep()
    {
    }

    /// <summary>Called after each evaluation with the metric that decides. Only schedules with <see cref="NeedsMetric"/> move here.</summary>
    public virtual void AfterEvaluation(double metric)
    {
    }

    /// <summary>What a resumed run needs, as JSON.</summary>
    public JsonObject SaveState()
    {
        var state = new JsonObject { ["step"] = StepCount };
        Save(state);
        return state;
    }

    /// <summary>Takes up a state that <see cref="SaveState"/> gave, of a schedule of the same type and number of groups.</summary>
    /// <exception cref="InvalidDataException">The state lacks a value or belongs to another kind of schedule; nothing has changed then.</exception>
    public void LoadState(JsonObject state)
    {
        ArgumentNullException.ThrowIfNull(state);
        try
        {
            long step = state["step"]!.GetValue<long>();
            Load(state);
            StepCount = step;
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException or FormatException or JsonException)
        {
            throw new InvalidDataException("The learning-rate schedule's saved state is not one of this schedule type; resume with the run's own scheduler type.", exception);
        }

        Restored();
    }

    /// <summary>Adds what this schedule keeps to the state.</summary>
    protected abstract void Save(JsonObject state);

    /// <summary>Reads what <see cref="Save"/> wrote; must read everything before it changes anything.</summary>
    protected abstract void Load(JsonObject state);

    /// <summary>Called when a state has been taken up.</summary>
    protected virtual void Restored()
    {
    }

    /// <summary>Sets the rate of one group.</summary>
    protected void SetRate(int group, double rate) => _rates[group] = rate;
}
