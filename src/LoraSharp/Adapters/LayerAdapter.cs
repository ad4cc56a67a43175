using LoraSharp.Adapters.Bases;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>What one adapter does to one layer: the contract of a method. Most methods add an update to the weight: <see cref="DeltaAdapter"/>.</summary>
internal abstract class LayerAdapter : nn.Module
{
    protected LayerAdapter(string name)
        : base(name)
    {
    }

    /// <summary>What a new adapter does once it is in its place: initialisations that change the base weight. Null where it is loaded from a file.</summary>
    public Action<BaseLayer>? Start { get; set; }

    /// <summary>Null, or why this adapter cannot act on single rows of a batch.</summary>
    public virtual string? RowRefusal => null;

    /// <summary>Whether <see cref="TransformInput"/> does anything.</summary>
    public virtual bool ChangesInput => false;

    /// <summary>This adapter's effect on what goes into the base layer.</summary>
    public virtual Tensor TransformInput(Tensor x, BaseLayer layer) => x;

    /// <summary>Adds this adapter's effect to the layer's output so far.</summary>
    /// <param name="x">The layer's input (..., in).</param>
    /// <param name="output">The output so far (..., out): the base's, and that of adapters before this one.</param>
    /// <param name="layer">The base layer.</param>
    public abstract Tensor Apply(Tensor x, Tensor output, BaseLayer layer);

    /// <summary>The base layer's output and this adapter's effect as one autograd node, or null where the method has no such path.</summary>
    public virtual Tensor? ApplyFused(Tensor x, BaseLayer layer, bool outputUsed = true) => null;

    /// <summary>Throws where this adapter cannot be merged into the layer.</summary>
    public virtual void RequireMergeable(BaseLayer layer, string path)
    {
    }

    /// <summary>The weight with this adapter in it; in any type, for the layer to round or quantise.</summary>
    /// <param name="weight">The weight as it is now, in its own type.</param>
    /// <param name="original">The weight without any merged adapter.</param>
    /// <param name="layer">The base layer.</param>
    /// <param name="roundUpdate">Whether the update is rounded to the weight's type before it is added.</param>
    public abstract Tensor Merge(Tensor weight, Tensor original, BaseLayer layer, bool roundUpdate);

    /// <summary>The reverse of the last <see cref="Merge"/> by arithmetic.</summary>
    public abstract Tensor Unmerge(Tensor weight, BaseLayer layer);

    /// <summary>The bias with this adapter in it.</summary>
    public virtual Tensor MergeBias(Tensor bias) => bias;

    /// <summary>The reverse of <see cref="MergeBias"/>.</summary>
    public virtual Tensor UnmergeBias(Tensor bias) => bias;

    /// <summary>The tensors under their names in an adapter file.</summary>
    public abstract IEnumerable<AdapterTensor> FileTensors();
}
