using LoraSharp.Adapters.Injection;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>A place in the model where adapters live: a layer that stands for the base's, or trained parameters inside a module.</summary>
internal interface IAdapterHost
{
    IReadOnlyCollection<string> AdapterNames { get; }

    IReadOnlyList<string> Active { get; }

    IReadOnlyList<string> Merged { get; }

    /// <summary>Chooses which adapters act; names that this place does not have are left out.</summary>
    void Activate(IReadOnlyList<string> names);

    /// <summary>Lets the base act alone, or the adapters again.</summary>
    void Enable(bool enabled);

    /// <summary>Chooses the adapter of each row of the batch; null: the active ones for all.</summary>
    void SelectRows(AdapterRows? rows);

    /// <summary>Throws where an adapter cannot act on single rows here.</summary>
    void RequireRows(string adapter);

    /// <summary>The tensors of an adapter under the names that follow the module's path in an adapter file (<c>lora_A.weight</c>).</summary>
    IEnumerable<AdapterTensor> FileTensors(string adapter);

    void Delete(string adapter);

    /// <summary>Throws where a merge is impossible; changes nothing.</summary>
    void CheckMerge(IReadOnlyList<string> adapters, MergeSettings settings);

    void Merge(IReadOnlyList<string> adapters, MergeSettings settings);

    void Unmerge();

    /// <summary>Takes this place out of the model for good.</summary>
    /// <param name="node">Where it is.</param>
    /// <param name="keepTrained">Whether the acting trained copies take the originals' places.</param>
    void Detach(ModuleTree.Node node, bool keepTrained);
}

/// <summary>A tensor of an adapter.</summary>
/// <param name="Key">Its name in the file after the module's path.</param>
/// <param name="Tensor">The tensor, the model's own.</param>
/// <param name="IsTrained">Whether it trains with the adapter.</param>
internal readonly record struct AdapterTensor(string Key, Tensor Tensor, bool IsTrained = true);

/// <summary>How adapters are merged.</summary>
/// <param name="Safe">Refuse updates that hold NaN or infinite values.</param>
/// <param name="KeepOriginal">Keep the old weights, so that unmerging restores them bit for bit.</param>
/// <param name="Into">Turn quantised weights into dense ones of this type instead of quantising again; null: quantise again.</param>
/// <param name="Shared">Handles of the parameters that several modules hold.</param>
internal sealed record MergeSettings(bool Safe, bool KeepOriginal, ScalarType? Into, IReadOnlySet<IntPtr> Shared);
