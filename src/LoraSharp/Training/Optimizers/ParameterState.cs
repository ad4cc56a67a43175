using static TorchSharp.torch;

namespace LoraSharp.Training;

/// <summary>What an optimizer keeps for one parameter.</summary>
/// <param name="tensors">The moments.</param>
/// <param name="memory">Where they came from.</param>
internal sealed class ParameterState(Dictionary<string, Tensor> tensors, StateMemory memory) : IDisposable
{
    /// <summary>Steps taken with a gradient.</summary>
    public long Step { get; set; }

    /// <summary>The moments, by torch's own keys.</summary>
    public Dictionary<string, Tensor> Tensors { get; } = tensors;

    /// <summary>The step as a tensor, for checkpoints; made when it is first asked for.</summary>
    public Tensor? StepTensor { get; set; }

    public void Dispose()
    {
        StepTensor?.Dispose();
        foreach (Tensor tensor in Tensors.Values)
        {
            memory.Release(tensor);
        }
    }
}
