namespace LoraSharp.Training;

/// <summary>Makes optimizers, and knows their names.</summary>
public static class OptimizerFactory
{
    private static readonly string[] AdamOptions =
        [nameof(OptimizerOptions.Beta1), nameof(OptimizerOptions.Beta2), nameof(OptimizerOptions.Eps), nameof(OptimizerOptions.AmsGrad)];

    private static readonly string[] Adam8BitOptions =
        [nameof(OptimizerOptions.Beta1), nameof(OptimizerOptions.Beta2), nameof(OptimizerOptions.Eps), nameof(OptimizerOptions.Min8BitSize)];

    private static readonly string[] LionOptions = [nameof(OptimizerOptions.Beta1), nameof(OptimizerOptions.Beta2)];

    /// <summary>Every name that Hugging Face's <c>optim</c> knows an optimizer by.</summary>
    private static readonly Dictionary<string, OptimizerType> Names = new(StringComparer.Ordinal)
    {
        ["adamw_torch"] = OptimizerType.AdamW,
        ["adamw_torch_fused"] = OptimizerType.AdamW,
        ["paged_adamw_32bit"] = OptimizerType.PagedAdamW32Bit,
        ["paged_adamw"] = OptimizerType.PagedAdamW32Bit,
        ["adam"] = OptimizerType.Adam,
        ["sgd"] = OptimizerType.Sgd,
        ["rmsprop"] = OptimizerType.RmsProp,
        ["rmsprop_bnb"] = OptimizerType.RmsProp,
        ["rmsprop_bnb_32bit"] = OptimizerType.RmsProp,
        ["adagrad"] = OptimizerType.Adagrad,
        ["lion"] = OptimizerType.Lion,
        ["lion_32bit"] = OptimizerType.Lion,
        ["paged_lion_32bit"] = OptimizerType.PagedLion32Bit,
        ["adamw_bnb_8bit"] = OptimizerType.AdamW8Bit,
        ["adamw_8bit"] = OptimizerType.AdamW8Bit,
        ["adam_8bit"] = OptimizerType.Adam8Bit,
        ["paged_adamw_8bit"] = OptimizerType.PagedAdamW8Bit,
        ["lion_8bit"] = OptimizerType.Lion8Bit,
        ["paged_lion_8bit"] = OptimizerType.PagedLion8Bit,
        ["adafactor"] = OptimizerType.Adafactor,
    };

    /// <summary>The optimizer of a name such as <c>paged_adamw_32bit</c>.</summary>
    /// <exception cref="ArgumentException">The name is not known; the message lists those that are.</exception>
    public static OptimizerType Parse(string name) => Names.TryGetValue(name, out OptimizerType type)
        ? type
        : throw new ArgumentException($"'{name}' is not an optimizer; the names are {string.Join(", ", Names.Keys)}.", nameof(name));

    /// <summary>Makes an optimizer.</summary>
    /// <param name="type">Which one.</param>
    /// <param name="groups">The parameters.</param>
    /// <param name="options">Its own arguments; null for its defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range or not one of this optimizer's, or a parameter's name occurs twice.</exception>
    public static IOptimizer Create(OptimizerType type, IReadOnlyList<ParameterGroup> groups, OptimizerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Validate(type, options ??= new OptimizerOptions());
        return type switch
        {
            OptimizerType.AdamW => new AdamOptimizer(groups, options, decoupledDecay: true, float32Moments: false),
            OptimizerType.PagedAdamW32Bit => new AdamOptimizer(groups, options, decoupledDecay: true, float32Moments: true, Paged(options)),
            OptimizerType.Adam => new AdamOptimizer(groups, options, decoupledDecay: false, float32Moments: false),
            OptimizerType.Sgd => new SgdOptimizer(groups, options),
            OptimizerType.RmsProp => new RmsPropOptimizer(groups, options),
            OptimizerType.Adagrad => new AdagradOptimizer(groups, options),
            OptimizerType.Lion => new LionOptimizer(groups, options),
            OptimizerType.PagedLion32Bit => new LionOptimizer(groups, options, Paged(options)),
            OptimizerType.AdamW8Bit or OptimizerType.Adam8Bit => new Adam8BitOptimizer(groups, options, new StateMemory(pageFolder: null)),
            OptimizerType.PagedAdamW8Bit => new Adam8BitOptimizer(groups, options, Paged(options)),
            OptimizerType.Lion8Bit => new Lion8BitOptimizer(groups, options, new StateMemory(pageFolder: null)),
            OptimizerType.PagedLion8Bit => new Lion8BitOptimizer(groups, options, Paged(options)),
            OptimizerType.Adafactor => new AdafactorOptimizer(groups, options),
            _ => throw new ArgumentException($"{type} is not an optimizer; there are {string.Join(", ", Enum.GetNames<OptimizerType>())}.", nameof(type)),
        };
    }

    private static StateMemory Paged(OptimizerOptions options) => new(options.PageFolder ?? Path.GetTempPath());

    private static void Validate(OptimizerType type, OptimizerOptions options)
    {
        string[] known = Known(type);
        if (options.Given().FirstOrDefault(name => !known.Contains(name)) is { } foreign)
        {
            throw new ArgumentException($"{type} has no option {foreign}; it takes {string.Join(", ", known)}.", nameof(options));
        }

        Require(options.Beta1 is null or (>= 0 and < 1), $"Beta1 ({options.Beta1}) must be at least 0 and below 1.");
        Require(options.Beta2 is null or (>= 0 and < 1), $"Beta2 ({options.Beta2}) must be at least 0 and below 1.");
        Require(options.Eps is null or >= 0, $"Eps ({options.Eps}) must be at least 0.");
        Require(options.Momentum is null or >= 0, $"Momentum ({options.Momentum}) must be at least 0.");
        Require(options.Alpha is null or (>= 0 and <= 1), $"Alpha ({options.Alpha}) must lie between 0 and 1.");
        Require(options.ClipThreshold is null or > 0, $"ClipThreshold ({options.ClipThreshold}) must be above 0.");
        Require(
            options.Nesterov != true || (options.Momentum > 0 && (options.Dampening ?? 0) == 0), "Nesterov needs a Momentum above 0 and no Dampening.");
        Require(options.Min8BitSize is null or >= 1, $"Min8BitSize ({options.Min8BitSize}) must be at least 1.");
        Require(options.PageFolder is null || Directory.Exists(options.PageFolder), $"PageFolder ('{options.PageFolder}') is not an existing folder.");
        Require(options.WarmupInit != true || options.RelativeStep == true, "WarmupInit needs RelativeStep.");

        static void Require(bool condition, string message)
        {
            if (!condition)
            {
                throw new ArgumentException(message, nameof(options));
            }
        }
    }

    private static string[] Known(OptimizerType type) => type switch
    {
        OptimizerType.AdamW or OptimizerType.Adam => AdamOptions,
        OptimizerType.PagedAdamW32Bit => [.. AdamOptions, nameof(OptimizerOptions.PageFolder)],
        OptimizerType.AdamW8Bit or OptimizerType.Adam8Bit => Adam8BitOptions,
        OptimizerType.PagedAdamW8Bit => [.. Adam8BitOptions, nameof(OptimizerOptions.PageFolder)],
        OptimizerType.Sgd => [nameof(OptimizerOptions.Momentum), nameof(OptimizerOptions.Dampening), nameof(OptimizerOptions.Nesterov)],
        OptimizerType.RmsProp =>
            [nameof(OptimizerOptions.Alpha), nameof(OptimizerOptions.Eps), nameof(OptimizerOptions.Momentum), nameof(OptimizerOptions.Centered)],
        OptimizerType.Adagrad => [nameof(OptimizerOptions.LrDecay), nameof(OptimizerOptions.Eps), nameof(OptimizerOptions.InitialAccumulatorValue)],
        OptimizerType.Lion => LionOptions,
        OptimizerType.PagedLion32Bit => [.. LionOptions, nameof(OptimizerOptions.PageFolder)],
        OptimizerType.Lion8Bit => [.. LionOptions, nameof(OptimizerOptions.Min8BitSize)],
        OptimizerType.PagedLion8Bit => [.. LionOptions, nameof(OptimizerOptions.Min8BitSize), nameof(OptimizerOptions.PageFolder)],
        OptimizerType.Adafactor =>
        [
            nameof(OptimizerOptions.Beta1), nameof(OptimizerOptions.Eps), nameof(OptimizerOptions.EpsScale), nameof(OptimizerOptions.ClipThreshold),
            nameof(OptimizerOptions.DecayRate), nameof(OptimizerOptions.ScaleParameter), nameof(OptimizerOptions.RelativeStep), nameof(OptimizerOptions.WarmupInit),
        ],
        _ => [],
    };
}
