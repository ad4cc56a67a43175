using LoraSharp.Adapters;
using LoraSharp.Adapters.Merging;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Merging adapters into the base weights, and taking them out, for any TorchSharp module.</summary>
public static class ModuleMergeExtensions
{
    /// <summary>
    /// Adds adapters' updates to the base weights, for speed. Which are merged is a matter of each layer: one with anything merged uses its base weight alone, others go
    /// on applying the active adapters. A quantised weight is restored, changed and quantised again. A weight that several layers share gets a copy of its own first.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="safe">Refuses, before anything changes, updates that make a weight hold NaN or infinite values; half-precision weights then get the rounded update, as in PEFT.</param>
    /// <param name="keepOriginal">Keeps the old weights, so that <see cref="UnmergeAdapter"/> restores them bit for bit; false saves that memory and unmerges by subtracting.</param>
    /// <param name="adapterNames">Which; none given: the active ones. Those that are merged already are skipped.</param>
    /// <exception cref="AdapterException">There is no such adapter, or it cannot be merged (grouped convolutions, a bias on B without a base bias, prompts); nothing has changed then.</exception>
    public static void MergeAdapter(this nn.Module model, bool safe = false, bool keepOriginal = true, params string[] adapterNames)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        Merge(model, adapterNames, new MergeSettings(safe, keepOriginal, null, SharedParameters.Of(model)), null);
    }

    /// <summary>Takes merged updates out again: by putting the old weights back where they were kept, by subtracting otherwise.</summary>
    public static void UnmergeAdapter(this nn.Module model)
    {
        foreach (var (_, host) in AdapterSet.Require(model).Hosts)
        {
            host.Unmerge();
        }
    }

    /// <summary>Merges adapters for good and takes all adapted layers out: the result is a plain model, the same object.</summary>
    /// <param name="model">The model.</param>
    /// <param name="safe">As in <see cref="MergeAdapter"/>.</param>
    /// <param name="into">
    /// A type for the whole model: quantised layers become dense ones of this type (the update is added in float32 and rounded once), and nothing is quantised again.
    /// Null: every layer keeps its form.
    /// </param>
    /// <param name="logger">Is told where shared weights had to be separated, and of the loss of quantising again.</param>
    /// <param name="adapterNames">Which; none given: the active ones.</param>
    /// <returns>The model itself.</returns>
    /// <exception cref="AdapterException">As for <see cref="MergeAdapter"/>.</exception>
    public static T MergeAndUnload<T>(this T model, bool safe = false, ScalarType? into = null, ILogger? logger = null, params string[] adapterNames)
        where T : nn.Module
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        if (into is not (null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16 or ScalarType.Float64))
        {
            throw new ArgumentException($"A model cannot be merged into {into}; choose Float32, BFloat16 or Float16.", nameof(into));
        }

        AdapterSet set = AdapterSet.Require(model);
        model.UnmergeWhereDifferent(set, adapterNames, into);
        Merge(model, adapterNames, new MergeSettings(safe, KeepOriginal: false, into, SharedParameters.Of(model)), logger);
        set.Detach(keepTrained: true);
        if (into is { } dtype)
        {
            DenseConversion.Apply(model, dtype);
            (model as PretrainedModel)?.BecomeDense(dtype);
        }

        (model as PretrainedModel)?.CheckTies();

        return model;
    }

    /// <summary>Takes all adapters out without merging: the base model returns, its trained biases included.</summary>
    /// <returns>The model itself.</returns>
    public static T Unload<T>(this T model)
        where T : nn.Module
    {
        AdapterSet set = AdapterSet.Require(model);
        model.UnmergeAdapter();
        set.Detach(keepTrained: false);
        return model;
    }

    // What was merged earlier, perhaps rounded, is merged anew with the rest.
    private static void UnmergeWhereDifferent(this nn.Module model, AdapterSet set, string[] adapterNames, ScalarType? into)
    {
        IReadOnlyList<string> wanted = adapterNames.Length > 0 ? adapterNames : set.Active;
        if (into is not null || set.Hosts.Any(item => item.Host.Merged.Except(wanted).Any()))
        {
            model.UnmergeAdapter();
        }
    }

    private static void Merge(nn.Module model, string[] adapterNames, MergeSettings settings, ILogger? logger)
    {
        AdapterSet set = AdapterSet.Require(model);
        IReadOnlyList<string> names = adapterNames.Length > 0 ? [.. adapterNames] : set.Active;
        foreach (string name in names)
        {
            if (set.Entry(name).ModelAdapter is not null)
            {
                throw new AdapterException($"The adapter '{name}' ({set.Config(name).PeftType}) changes no weights, so there is nothing to merge.");
            }
        }

        foreach (var (_, host) in set.Hosts)
        {
            host.CheckMerge(names, settings);
        }

        foreach (var (path, layer) in set.Layers.Where(item => names.Any(item.Layer.AdapterNames.Contains)))
        {
            if (layer.Base.Parameter is { } parameter && settings.Shared.Contains(parameter.Handle))
            {
                logger?.LogWarning("'{Path}' shares its weight with another layer; it gets one of its own before the adapter is merged.", path);
            }
            else if (layer.Base.IsQuantized && settings.Into is null)
            {
                logger?.LogWarning("'{Path}' is quantised; merging quantises it again, which costs accuracy. MergeAndUnload(into: ...) keeps it.", path);
            }
        }

        foreach (var (_, host) in set.Hosts)
        {
            host.Merge(names, settings);
        }
    }
}
