using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>Changes parameters from their gradients.</summary>
public interface IOptimizer : IDisposable
{
    /// <summary>The parameter groups. Set their learning rates before a step.</summary>
    IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>Why the last step was skipped, or null: it was taken.</summary>
    string? SkippedBecause { get; }

    /// <summary>Takes one step. A parameter without gradient is left wholly alone: no decay, no step count.</summary>
    /// <returns>
    /// False when the step was skipped and nothing has changed: those with 8-bit states do so when a gradient is not finite. <see cref="SkippedBecause"/> names it.
    /// </returns>
    bool Step();

    /// <summary>Drops all gradients.</summary>
    void ZeroGrad();

    /// <summary>
    /// What a checkpoint keeps, by <c>key.parameter name</c> (<c>exp_avg.model.layers.0...</c>; <c>step.</c> holds the steps of that parameter as
    /// an int64). The tensors are the optimizer's own: copy or write them before the next step, and do not dispose them.
    /// </summary>
    IReadOnlyDictionary<string, Tensor> StateTensors();

    /// <summary>Copies a state that <see cref="StateTensors"/> gave. Parameters that it does not name start anew.</summary>
    /// <exception cref="InvalidDataException">A name, a shape or a missing tensor does not fit; nothing has changed then.</exception>
    void LoadState(IReadOnlyDictionary<string, Tensor> state);
}
