using LoraSharp.Adapters.Planning;
using LoraSharp.Models;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Prompts;

/// <summary>A prompt about to be added.</summary>
internal sealed class PromptPlan : AdapterPlan
{
    public PromptPlan(PromptMethod method, nn.Module root, PromptConfig config, string adapter, bool initialize)
        : base(root, config, adapter)
    {
        if (root is not CausalLM model)
        {
            throw config.Invalid($"prompts stand before the input of the library's causal language models; this is a {root.GetType().Name}");
        }

        PromptConfig complete = method.Complete(config, model.Stack.Config);
        Config = complete = complete with { TaskType = config.TaskType ?? "CAUSAL_LM" };
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();

        // A file holds the prompt itself, whatever network it came from.
        PromptEncoder encoder = initialize ? method.Encoder(complete, model) : new PromptEncoder(zeros(complete.VirtualTokens, method.Width(complete)));
        Parts.Add(new PromptPart(method.Adapter(complete, model, adapter, encoder), initialize));
    }

    private sealed class PromptPart(PromptAdapter prompt, bool initialized) : PlanPart
    {
        public override IEnumerable<PlannedTensor> Tensors() => initialized ? [] : [new PlannedTensor(PromptAdapter.Key, prompt.Encoder.Table, IsWholeKey: true)];

        public override void Attach(AdapterEntry entry) => entry.ModelAdapter = prompt;

        public override void Discard() => prompt.Encoder.Dispose();
    }

    protected override void OnAttached(AdapterEntry entry) => ((PromptAdapter)entry.ModelAdapter!).Register(Root);
}
