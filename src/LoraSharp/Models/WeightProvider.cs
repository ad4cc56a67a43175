using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Models;

/// <summary>
/// Where a model under construction gets its weights from: a checkpoint, a random generator, or nowhere (to learn names and shapes). Models are built by one
/// pass over this contract, so that their structure is written down once.
/// </summary>
internal abstract class WeightProvider
{
    /// <summary>Whether a tensor of this name is there to be loaded.</summary>
    public abstract bool Contains(string name);

    /// <summary>A parameter that is kept as it is.</summary>
    public abstract Parameter Parameter(string name, long[] shape);

    /// <summary>The weight matrix of a linear layer, in the form that the load options ask for.</summary>
    /// <param name="name">Full name of the tensor.</param>
    /// <param name="outFeatures">Rows.</param>
    /// <param name="inFeatures">Columns.</param>
    /// <param name="quantize">False for output heads, which stay as they are.</param>
    public abstract LinearWeight Weight(string name, long outFeatures, long inFeatures, bool quantize);
}

/// <summary>A position in the tree of names below which weights are asked for.</summary>
internal readonly record struct WeightScope(WeightProvider Provider, string Prefix)
{
    public WeightScope At(string name) => new(Provider, Full(name));

    public bool Contains(string name) => Provider.Contains(Full(name));

    public Parameter Parameter(string name, params long[] shape) => Provider.Parameter(Full(name), shape);

    /// <summary>A linear layer with <c>weight</c> and, if asked for, <c>bias</c>.</summary>
    public Linear Linear(string name, long outFeatures, long inFeatures, bool bias = false, bool quantize = true)
    {
        WeightScope scope = At(name);
        return new Linear(
            Provider.Weight(scope.Full("weight"), outFeatures, inFeatures, quantize),
            bias ? scope.Parameter("bias", outFeatures) : null);
    }

    private string Full(string name) => Prefix.Length == 0 ? name : $"{Prefix}.{name}";
}
