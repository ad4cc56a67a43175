using LoraSharp.Adapters;
using LoraSharp.Adapters.Lora;
using LoraSharp.Layers;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Adapters for any TorchSharp module: the library's models and the user's own networks.</summary>
public static class ModuleAdapterExtensions
{
    /// <summary>Name of an adapter when none is given.</summary>
    public const string DefaultAdapter = "default";

    /// <summary>Freezes the model and adds a LoRA adapter to its linear layers, which from then on is trained and acts.</summary>
    /// <param name="model">The model; its targeted layers are replaced by adapted ones.</param>
    /// <param name="r">Rank.</param>
    /// <param name="alpha">Numerator of the scaling alpha/r.</param>
    /// <param name="dropout">Dropout on the adapter's input while training.</param>
    /// <param name="targetModules">Which layers; null: the architecture's usual ones (the library's models only).</param>
    /// <param name="adapterName">The adapter's name.</param>
    /// <exception cref="AdapterException">A value is out of range, or no module matches; the model is unchanged then.</exception>
    public static void AddLora(
        this nn.Module model, int r = 8, double alpha = 8, double dropout = 0, TargetModules? targetModules = null, string adapterName = DefaultAdapter) =>
        model.AddLora(new LoraConfig { R = r, Alpha = alpha, Dropout = dropout, TargetModules = targetModules }, adapterName);

    /// <summary>As the other overload, with every setting.</summary>
    public static void AddLora(this nn.Module model, LoraConfig config, string adapterName = DefaultAdapter)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        new LoraInjection(model, config, adapterName).Apply();
    }

    /// <summary>Names of the model's adapters, in the order of adding.</summary>
    public static IReadOnlyList<string> AdapterNames(this nn.Module model) => [.. AdapterSet.Of(model).Configs.Select(pair => pair.Key)];

    /// <summary>Chooses the adapters that act and train; several add up.</summary>
    /// <exception cref="AdapterException">There is no such adapter.</exception>
    public static void SetAdapter(this nn.Module model, params string[] adapterNames)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        AdapterSet.Require(model).Activate(adapterNames);
    }

    /// <summary>Lets the base model act alone until the result is disposed: <c>using (model.DisableAdapters()) { ... }</c>.</summary>
    public static IDisposable DisableAdapters(this nn.Module model)
    {
        AdaptedLayer[] layers = [.. AdapterSet.Require(model).Layers.Select(item => item.Layer).Where(layer => layer.Enabled)];
        if (layers.Any(layer => layer.Merged.Count > 0))
        {
            throw new AdapterException("An adapter is merged into the base weights, so the base cannot act alone. Call UnmergeAdapter first.");
        }

        Array.ForEach(layers, layer => layer.Enabled = false);
        return new Restore(() => Array.ForEach(layers, layer => layer.Enabled = true));
    }

    /// <summary>Removes an adapter; the last one's layers go back to plain ones only with <see cref="Unload{T}"/>.</summary>
    public static void DeleteAdapter(this nn.Module model, string adapterName)
    {
        AdapterSet set = AdapterSet.Require(model);
        set.Config(adapterName);
        foreach (var (_, layer) in set.Layers)
        {
            if (layer.Merged.Contains(adapterName))
            {
                throw new AdapterException($"The adapter '{adapterName}' is merged into the base weights; call UnmergeAdapter before deleting it.");
            }
        }

        foreach (var (_, layer) in set.Layers.Where(item => item.Layer.AdapterNames.Contains(adapterName)).ToArray())
        {
            layer.Delete(adapterName);
        }

        set.Configs.RemoveAll(pair => pair.Key == adapterName);
        set.Activate([.. set.Active.Where(name => name != adapterName)]);
    }

    /// <summary>Adds adapters' updates to the base weights, for speed; <see cref="UnmergeAdapter"/> restores the weights bit for bit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="safe">Refuses an update that holds NaN or infinite values.</param>
    /// <param name="adapterNames">Which; none given: the active ones.</param>
    public static void MergeAdapter(this nn.Module model, bool safe = false, params string[] adapterNames)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        AdapterSet set = AdapterSet.Require(model);
        IReadOnlyList<string> names = adapterNames.Length > 0 ? adapterNames : set.Active;
        foreach (string name in names)
        {
            set.Config(name);
        }

        TiedWeights.Refuse(model, set, names);
        foreach (var (_, layer) in set.Layers)
        {
            layer.Merge(names, safe);
        }
    }

    /// <summary>Takes merged updates out again.</summary>
    public static void UnmergeAdapter(this nn.Module model)
    {
        foreach (var (_, layer) in AdapterSet.Require(model).Layers)
        {
            layer.Unmerge();
        }
    }

    /// <summary>Merges the active adapters for good and takes all adapted layers out: the result is a plain model, the same object.</summary>
    /// <param name="model">The model.</param>
    /// <param name="safe">Refuses an update that holds NaN or infinite values.</param>
    /// <param name="adapterNames">Which; none given: the active ones.</param>
    /// <returns>The model itself.</returns>
    public static T MergeAndUnload<T>(this T model, bool safe = false, params string[] adapterNames)
        where T : nn.Module
    {
        model.MergeAdapter(safe, adapterNames);
        AdapterSet set = AdapterSet.Require(model);
        foreach (var (_, layer) in set.Layers)
        {
            (layer as AdaptedLinear)?.ForgetOriginal();
        }

        set.Detach(keepCopies: true);
        return model;
    }

    /// <summary>Takes all adapters out without merging: the base model returns.</summary>
    /// <returns>The model itself.</returns>
    public static T Unload<T>(this T model)
        where T : nn.Module
    {
        AdapterSet set = AdapterSet.Require(model);
        model.UnmergeAdapter();
        set.Detach(keepCopies: false);
        return model;
    }

    /// <summary>Counts trainable and all parameters as PEFT does.</summary>
    public static ParameterCount TrainableParameters(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        long trainable = 0, total = 0;
        var seen = new HashSet<IntPtr>();
        foreach (Parameter parameter in model.parameters())
        {
            if (seen.Add(parameter.Handle))
            {
                total += parameter.numel();
                trainable += parameter.requires_grad ? parameter.numel() : 0;
            }
        }

        foreach (nn.Module module in model.modules())
        {
            if (module is Layers.Linear { Weight: { Parameter: null } weight })
            {
                total += weight.CountedElements;
            }
        }

        return new ParameterCount(trainable, total);
    }

    private sealed class Restore(Action action) : IDisposable
    {
        private Action? _action = action;

        public void Dispose()
        {
            _action?.Invoke();
            _action = null;
        }
    }
}
