using LoraSharp.Files;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

public sealed partial class CausalLM
{
    /// <summary>Whether layers keep their input only and run again in the backward pass, in training mode.</summary>
    internal void UseGradientCheckpointing(bool on) => model.UsesCheckpointing = on;

    /// <summary>Bytes that all weights occupy: dense ones in their type, quantised ones with their scales. A shared matrix counts once.</summary>
    public long MemoryFootprint()
    {
        var seen = new HashSet<IntPtr>();
        return parameters().Where(p => seen.Add(p.Handle)).Sum(p => p.numel() * p.element_size())
            + modules().OfType<Layers.Linear>().Where(l => l.Weight.Parameter is null).Sum(l => l.Weight.Bytes);
    }

    /// <summary>Copies the weights of a folder that holds this model into its parameters, in place: optimizers keep their hold on them.</summary>
    internal void LoadWeights(string folder)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        var names = new CheckpointNames(checkpoint, BasePrefix);
        Dictionary<string, Parameter> parameters = [];
        foreach (var (name, parameter) in named_parameters())
        {
            if (!parameters.Values.Any(other => other.Handle == parameter.Handle))
            {
                parameters[name] = parameter;
            }
        }

        names.Verify(parameters.ToDictionary(p => p.Key, p => p.Value.shape, StringComparer.Ordinal));
        using var noGrad = no_grad();
        foreach (var (name, parameter) in parameters)
        {
            using Tensor value = checkpoint.View(names.Find(name)!);
            parameter.copy_(value);
        }
    }
}
