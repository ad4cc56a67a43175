using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>One adapter of a model.</summary>
internal sealed class AdapterEntry(string name, AdapterConfig config)
{
    public string Name => name;

    public AdapterConfig Config { get; set; } = config;

    /// <summary>Whether its tensors were last allowed to train.</summary>
    public bool IsTrained { get; set; }

    /// <summary>What all its layers share, or null.</summary>
    public SharedTensors? Shared { get; set; }

    /// <summary>Parameters of the base model that train with the adapter (biases), with their full paths, and their values before.</summary>
    public List<(string Key, Parameter Tensor, Tensor Before)> BaseParameters { get; } = [];

    /// <summary>Tensors that are written beside the trained ones as PEFT does, though nothing reads them: full paths.</summary>
    public List<(string Key, Func<Tensor> Tensor)> Extras { get; } = [];

    /// <summary>Modules that this adapter had when it was added; a hot-swap may fill any of them.</summary>
    public HashSet<string> Paths { get; } = new(StringComparer.Ordinal);

    /// <summary>What acts on the model as a whole (a prompt), or null.</summary>
    public IModelAdapter? ModelAdapter { get; set; }
}

/// <summary>An adapter that acts on the model as a whole instead of on layers.</summary>
internal interface IModelAdapter
{
    /// <summary>What a file holds, under whole keys.</summary>
    IEnumerable<AdapterTensor> FileTensors();

    /// <summary>What trains, which may differ from what a file holds.</summary>
    IEnumerable<(string Name, Parameter Parameter)> Trained();

    /// <summary>Lets it act on the model.</summary>
    void Attach(nn.Module root);

    /// <summary>Lets the model act without it.</summary>
    void Detach(nn.Module root);

    /// <summary>Takes it out of the model for good.</summary>
    void Remove(nn.Module root);
}
