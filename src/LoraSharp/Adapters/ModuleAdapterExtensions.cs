using LoraSharp.Adapters;
using LoraSharp.Adapters.Planning;
using static TorchSharp.torch;

namespace LoraSharp;

/// <summary>Adapters for any TorchSharp module: the library's models and the user's own networks.</summary>
public static class ModuleAdapterExtensions
{
    /// <summary>Name of an adapter when none is given.</summary>
    public const string DefaultAdapter = "default";

    /// <summary>Freezes the model and adds an adapter of any method, which from then on is trained and acts. All adapters of a model are of one method.</summary>
    /// <exception cref="AdapterException">A value is out of range, or no module matches; the model is unchanged then.</exception>
    public static void AddAdapter(this nn.Module model, AdapterConfig config, string adapterName = DefaultAdapter)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(adapterName);
        using AdapterPlan plan = config.Method.Plan(model, config, adapterName, initialize: true);
        plan.Attach(trainable: true, activate: true);
    }

    /// <summary>Names of the model's adapters, in the order of adding.</summary>
    public static IReadOnlyList<string> AdapterNames(this nn.Module model) => [.. AdapterSet.Of(model).Entries.Select(entry => entry.Name)];

    /// <summary>Names of the adapters that act, in order.</summary>
    public static IReadOnlyList<string> ActiveAdapters(this nn.Module model) => AdapterSet.Of(model).Active;

    /// <summary>The configuration of an adapter, as it would be saved.</summary>
    /// <exception cref="AdapterException">There is no such adapter.</exception>
    public static AdapterConfig AdapterConfig(this nn.Module model, string adapterName = DefaultAdapter) => AdapterSet.Require(model).Config(adapterName);

    /// <summary>Chooses the adapters that act and train, and freezes all others; several add up.</summary>
    /// <exception cref="AdapterException">There is no such adapter.</exception>
    public static void SetAdapter(this nn.Module model, params string[] adapterNames)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        AdapterSet.Require(model).ActivateForTraining(adapterNames);
    }

    /// <summary>
    /// Lets the base model act alone until the result is disposed: <c>using (model.DisableAdapters()) { ... }</c>. Merged adapters are unmerged by it and stay so;
    /// biases that were trained stay in force.
    /// </summary>
    public static IDisposable DisableAdapters(this nn.Module model)
    {
        AdapterSet set = AdapterSet.Require(model);
        model.UnmergeAdapter();
        set.Enable(false);
        return new Restore(() => set.Enable(true));
    }

    /// <summary>
    /// Gives each row of the coming batches an adapter of its own until the result is disposed, <c>__base__</c> for none:
    /// <c>using (model.UseAdaptersPerRow("french", "__base__", "german")) { ... }</c>. Which adapters are active otherwise does not matter meanwhile.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="adapterNames">One name for each row.</param>
    /// <exception cref="AdapterException">A name is unknown, something is merged, or an adapter cannot act on single rows (DoRA). A wrong number of names shows at the forward pass.</exception>
    public static IDisposable UseAdaptersPerRow(this nn.Module model, params string[] adapterNames)
    {
        ArgumentNullException.ThrowIfNull(adapterNames);
        AdapterSet set = AdapterSet.Require(model);
        foreach (string name in adapterNames.Where(name => name != AdapterRows.Base).Distinct())
        {
            if (set.Entry(name).ModelAdapter is not null)
            {
                throw new AdapterException($"The adapter '{name}' acts on the model as a whole and cannot act on single rows of a batch.");
            }

            foreach (var (_, host) in set.Hosts)
            {
                host.RequireRows(name);
            }
        }

        if (set.Hosts.FirstOrDefault(item => item.Host.Merged.Count > 0).Host is { } merged)
        {
            throw new AdapterException($"The adapter '{merged.Merged[0]}' is merged into the base weights, so rows cannot have adapters of their own. Call UnmergeAdapter first.");
        }

        var rows = new AdapterRows(adapterNames);
        foreach (var (_, host) in set.Hosts)
        {
            host.SelectRows(rows);
        }

        return new Restore(() =>
        {
            foreach (var (_, host) in set.Hosts)
            {
                host.SelectRows(null);
            }

            rows.Dispose();
        });
    }

    /// <summary>
    /// Removes an adapter. Where no other acted beside it, the first that remains acts from then on. The last one's layers go back to plain ones only with
    /// <see cref="ModuleMergeExtensions.Unload{T}"/>.
    /// </summary>
    /// <exception cref="AdapterException">There is no such adapter, or it is merged.</exception>
    public static void DeleteAdapter(this nn.Module model, string adapterName)
    {
        ArgumentNullException.ThrowIfNull(adapterName);
        AdapterSet.Require(model).Delete(adapterName);
    }

    /// <summary>Counts trainable and all parameters as PEFT does.</summary>
    public static ParameterCount TrainableParameters(this nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        long trainable = 0, total = 0;
        var seen = new HashSet<IntPtr>();
        foreach (TorchSharp.Modules.Parameter parameter in model.parameters())
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
