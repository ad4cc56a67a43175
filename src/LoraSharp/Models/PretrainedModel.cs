using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>
/// A model of the library: its body with a task's head. It keeps Hugging Face's names for its layers, which are the names that adapters target.
/// </summary>
public abstract class PretrainedModel : nn.Module<Tensor, Tensor>, IPretrainedModel
{
    private ModelOrigin _origin;

    // In a field of this type, because replacing a layer looks for it in its parent's fields.
    private readonly ModuleTable _modules;

    private protected PretrainedModel(string name, ModelOrigin origin)
        : base(name)
    {
        _origin = origin;
        _modules = new ModuleTable(this);
    }

    /// <summary>The model's configuration, as read from config.json.</summary>
    public ModelConfig Config => _origin.Config;

    /// <summary>Type of the weights that are not quantised, and of the hidden states.</summary>
    public ScalarType Dtype => _origin.Dtype;

    /// <summary>The folder that the model was loaded from, or null.</summary>
    public string? SourceFolder => _origin.Folder;

    /// <summary>How the linear layers are quantised, or null.</summary>
    public QuantizationConfig? Quantization => _origin.Quantization;

    /// <summary>
    /// Names of the tensors that no file provided: empty, or those of a new head on a base model (drawn from torch's generator, which <c>torch.manual_seed</c> sets).
    /// </summary>
    public IReadOnlyList<string> NewTensors => _origin.NewTensors;

    /// <inheritdoc/>
    public abstract bool TiesWordEmbeddings { get; }

    /// <inheritdoc/>
    public abstract string? OutputHead { get; }

    /// <inheritdoc/>
    public abstract string InputEmbedding { get; }

    /// <summary>Name of the class in the reference library, for config.json.</summary>
    internal abstract string ReferenceClass { get; }

    /// <summary>The stack of layers that can be rearranged; null where there are several.</summary>
    internal virtual Transformer? Stack => null;

    /// <summary>Writes into config.json what the model was not loaded with.</summary>
    internal virtual void Amend(System.Text.Json.Nodes.JsonObject config)
    {
    }

    internal ModelOrigin Origin => _origin;

    /// <summary>Notes that weights which were one matrix may have become two.</summary>
    internal virtual void CheckTies()
    {
    }

    /// <summary>Notes that all weights are dense now and of one type.</summary>
    internal void BecomeDense(ScalarType dtype) => _origin = _origin with { Dtype = dtype, Quantization = null };

    private protected ModuleTable Modules => _modules;

    /// <summary>
    /// Writes the model as Hugging Face's libraries read it: config.json with every key that it was loaded with, generation_config.json if there was one, and the
    /// weights in safetensors files. Quantised layers are written dense, or as they are, in bitsandbytes' format. Other files of the folder stay; unfinished saves leave nothing behind.
    /// </summary>
    /// <param name="folder">The folder, created if need be.</param>
    /// <param name="maxShardSize">Largest weight file (<c>4GB</c>, <c>500MB</c>); over it the weights are split, with an index.</param>
    /// <param name="dtype">Type of the weights in the files; null: each keeps its own.</param>
    /// <param name="quantized">Writes the quantised layers as bitsandbytes does, so that the folder loads as a quantised model there and here.</param>
    /// <param name="cancellationToken">Stops saving; the folder then stays as it was.</param>
    /// <exception cref="InvalidOperationException">Adapters are in place: merge them or take them out first. Or the model is not quantised but is to be saved so.</exception>
    /// <exception cref="FormatException"><paramref name="maxShardSize"/> is not a size.</exception>
    public void Save(string folder, string maxShardSize = "4GB", ScalarType? dtype = null, bool quantized = false, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ModelSaver.Save(this, folder, ByteSize.Parse(maxShardSize), dtype, quantized, cancellationToken);
    }

    /// <summary>Bytes that all weights occupy: dense ones in their type, quantised ones with their scales. A shared matrix counts once.</summary>
    public long MemoryFootprint()
    {
        var seen = new HashSet<IntPtr>();
        return parameters().Where(p => seen.Add(p.Handle)).Sum(p => p.numel() * p.element_size())
            + modules().OfType<Linear>().Where(l => l.Weight.Parameter is null).Sum(l => l.Weight.Bytes);
    }

    /// <summary>In training mode, so many layers of each stack, the first ones, keep their input only and run again in the backward pass; 0: none.</summary>
    internal abstract void UseGradientCheckpointing(int layers);

    /// <summary>Copies the weights of a folder that holds this model into its parameters, in place: optimizers keep their hold on them.</summary>
    internal void LoadWeights(string folder) => ModelLoader.LoadInto(this, folder);

    private protected WeightScope Root(WeightProvider weights) => new(weights, "", _modules);

    private protected static void RequireIds(Tensor inputIds)
    {
        ArgumentNullException.ThrowIfNull(inputIds);
        if (inputIds.dim() != 2 || inputIds.dtype != ScalarType.Int64)
        {
            throw new ArgumentException($"Token ids are {inputIds.dtype} [{string.Join(", ", inputIds.shape)}]; give int64 of shape (batch, tokens).", nameof(inputIds));
        }
    }
}
