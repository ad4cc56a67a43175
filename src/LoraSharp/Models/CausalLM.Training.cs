using LoraSharp.Files;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

public sealed partial class CausalLM
{
    /// <summary>Whether layers keep their input only and run again in the backward pass, in training mode.</summary>
    internal void UseGradientCheckpointing(bool on) => model.UsesCheckpointing = on;

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
