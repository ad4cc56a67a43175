using LoraSharp.Adapters.Bases;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Planning;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters;

/// <summary>
/// An adapter method: how its configuration is read and written, which layers it takes, and what it puts there. A new method is a configuration, this contract and a
/// <see cref="LayerAdapter"/>, in a folder of its own, and a line in <see cref="AdapterMethods"/>.
/// </summary>
internal abstract class AdapterMethod
{
    /// <summary>The method's name in adapter_config.json.</summary>
    public abstract string PeftType { get; }

    /// <summary>Reads the method's keys.</summary>
    public abstract AdapterConfig Read(ConfigReader json);

    /// <summary>Writes the method's keys.</summary>
    public abstract void Write(AdapterConfig config, ConfigWriter json);

    /// <summary>The modules that are adapted when a configuration names none, or null where there is no default for the architecture.</summary>
    public virtual IReadOnlyList<string>? DefaultTargets(string modelType) => null;

    /// <summary>Prepares an adapter for a model; changes nothing. Layer methods find their targets here.</summary>
    public abstract AdapterPlan Plan(nn.Module root, AdapterConfig config, string adapter, bool initialize);

    /// <summary>The tags of the model card.</summary>
    public virtual string Tag => PeftType.ToLowerInvariant().Replace('_', '-');
}

/// <summary>A method that puts an adapter onto each targeted layer.</summary>
internal abstract class LayerMethod : AdapterMethod
{
    /// <summary>Kinds of layers that the method takes, in words.</summary>
    public abstract string Takes { get; }

    /// <summary>Whether the method can adapt a layer of this kind.</summary>
    public abstract bool CanAdapt(BaseLayer layer);

    /// <summary>Makes what all layers of one adapter share, or null.</summary>
    public virtual SharedTensors? Share(AdapterConfig config, IReadOnlyList<BaseLayer> layers) => null;

    /// <summary>Makes the adapter of one layer; with <paramref name="initialize"/> its values begin as the configuration says, otherwise they are about to be loaded.</summary>
    public abstract LayerAdapter Create(AdapterConfig config, BaseLayer layer, string path, SharedTensors? shared, bool initialize);

    public override AdapterPlan Plan(nn.Module root, AdapterConfig config, string adapter, bool initialize) => new LayerPlan(this, root, config, adapter, initialize);

    /// <summary>What the configuration becomes before the targets are looked for.</summary>
    public virtual AdapterConfig Prepare(AdapterConfig config, nn.Module root) => config;

    /// <summary>What the configuration becomes once the paths of the targets are known.</summary>
    public virtual AdapterConfig Resolve(AdapterConfig config, nn.Module root, IReadOnlyList<string> paths) => config;

    /// <summary>Whether a model's files hold some of these layers' weights as (in, out), which PEFT notes as fan_in_fan_out (GPT-2).</summary>
    protected static bool StoresTransposed(nn.Module root, IReadOnlyList<string> paths) =>
        root is PretrainedModel model && paths.Any(path => model.Origin.Layout.IsTransposed(path + ".weight"));
}

/// <summary>Tensors that all layers of one adapter share, with their keys in the file (after <c>base_model.</c>).</summary>
/// <param name="tensors">Keys and tensors; not trained.</param>
/// <param name="areSaved">Whether the file holds them.</param>
internal sealed class SharedTensors(IReadOnlyList<(string Key, Parameter Tensor)> tensors, bool areSaved) : IDisposable
{
    public IReadOnlyList<(string Key, Parameter Tensor)> Tensors => tensors;

    public bool AreSaved => areSaved;

    public void Dispose()
    {
        foreach (var (_, tensor) in tensors)
        {
            tensor.Dispose();
        }
    }
}
