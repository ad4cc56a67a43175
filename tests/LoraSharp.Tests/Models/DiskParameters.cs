using LoraSharp.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>A model's parameters under the names, and in the layout, of its files.</summary>
internal static class DiskParameters
{
    public static Tensor Gradient(PretrainedModel model, string name)
    {
        CheckpointLayout layout = model.Origin.Layout;
        (string name, Parameter parameter)[] all = [.. model.named_parameters()];
        (string own, Parameter parameter) = all.FirstOrDefault(p => p.name == name);
        if (parameter is null)
        {
            (own, parameter) = all.First(p => layout.Candidates(p.name).Contains(name));
        }

        Assert.NotNull(parameter.grad);
        return layout.IsTransposed(own) ? parameter.grad!.transpose(0, 1) : parameter.grad!;
    }
}
