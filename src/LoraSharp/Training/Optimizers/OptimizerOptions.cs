namespace LoraSharp.Training;

/// <summary>
/// The arguments of the individual optimizers. What is null has the default of its optimizer; giving one that the chosen
/// <see cref="OptimizerType"/> does not use is an error.
/// </summary>
public sealed record OptimizerOptions
{
    /// <summary>Decay of the first moment: default 0.9; for <see cref="OptimizerType.Adafactor"/> null means no first moment.</summary>
    public double? Beta1 { get; init; }

    /// <summary>Decay of the second moment: default 0.999 (<see cref="OptimizerType.Lion"/>: 0.99, of its only moment).</summary>
    public double? Beta2 { get; init; }

    /// <summary>Added to denominators: default 1e-8, Adagrad 1e-10, Adafactor 1e-30 (to squared gradients).</summary>
    public double? Eps { get; init; }

    /// <summary>Adam and AdamW: whether the largest second moment so far is used (arXiv:1904.09237): default false.</summary>
    public bool? AmsGrad { get; init; }

    /// <summary>SGD and RMSprop: default 0.</summary>
    public double? Momentum { get; init; }

    /// <summary>SGD: what the gradient loses when it enters the momentum, except in the first step: default 0.</summary>
    public double? Dampening { get; init; }

    /// <summary>SGD: Nesterov momentum: default false.</summary>
    public bool? Nesterov { get; init; }

    /// <summary>RMSprop: decay of the mean square: default 0.99.</summary>
    public double? Alpha { get; init; }

    /// <summary>RMSprop: whether the mean is subtracted: default false.</summary>
    public bool? Centered { get; init; }

    /// <summary>Adagrad: decay of the rate with the steps: default 0.</summary>
    public double? LrDecay { get; init; }

    /// <summary>Adagrad: where the sum of squares starts: default 0.</summary>
    public double? InitialAccumulatorValue { get; init; }

    /// <summary>Adafactor: the least root mean square of a parameter that scales its rate: default 1e-3.</summary>
    public double? EpsScale { get; init; }

    /// <summary>Adafactor: the largest root mean square of an update: default 1.</summary>
    public double? ClipThreshold { get; init; }

    /// <summary>Adafactor: the exponent of the second moment's decay: default −0.8.</summary>
    public double? DecayRate { get; init; }

    /// <summary>Adafactor: whether the rate is scaled by the parameter's root mean square: default false.</summary>
    public bool? ScaleParameter { get; init; }

    /// <summary>Adafactor: whether it makes its own rate from the step, ignoring the group's: default false.</summary>
    public bool? RelativeStep { get; init; }

    /// <summary>Adafactor: whether its own rate warms up: default false; needs <see cref="RelativeStep"/>.</summary>
    public bool? WarmupInit { get; init; }

    /// <summary>Optimizers with 8-bit states: tensors of fewer elements keep float32 states: default 4096.</summary>
    public int? Min8BitSize { get; init; }

    /// <summary>Paged optimizers: an existing folder, on a disk with enough room, for the files that states are paged to: default the system's folder for temporary files.</summary>
    public string? PageFolder { get; init; }

    /// <summary>The names of the options that are set.</summary>
    internal IEnumerable<string> Given() =>
        typeof(OptimizerOptions).GetProperties().Where(property => property.GetValue(this) is not null).Select(property => property.Name);
}
