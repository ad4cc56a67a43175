using static TorchSharp.torch;

namespace LoraSharp.Adapters.Planning;

/// <summary>One thing that adding an adapter does to a model, prepared and not yet done.</summary>
internal abstract class PlanPart
{
    /// <summary>The adapter's tensors here, which a file may fill before they are attached.</summary>
    public abstract IEnumerable<PlannedTensor> Tensors();

    /// <summary>Changes the model.</summary>
    public abstract void Attach(AdapterEntry entry);

    /// <summary>Frees what was prepared when the plan is given up.</summary>
    public virtual void Discard()
    {
    }
}

/// <summary>A tensor of an adapter that is about to be added.</summary>
/// <param name="Key">Its name in the file after <c>base_model.model.</c>.</param>
/// <param name="Tensor">Where its values go.</param>
/// <param name="IsRequired">Whether a file must hold it.</param>
/// <param name="IsWholeKey">Whether the key is complete, without the usual prefix.</param>
internal readonly record struct PlannedTensor(string Key, Tensor Tensor, bool IsRequired = true, bool IsWholeKey = false)
{
    private readonly long[]? _shape;

    /// <summary>Shape that a file's tensor must have; unless given, the tensor's.</summary>
    public long[] Shape
    {
        get => _shape ?? Tensor.shape;
        init => _shape = value;
    }
}
