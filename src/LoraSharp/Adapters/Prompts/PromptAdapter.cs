using LoraSharp.Layers;
using LoraSharp.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Prompts;

/// <summary>A prompt of a causal language model.</summary>
internal abstract class PromptAdapter(string adapter, PromptEncoder encoder, int tokens) : IModelAdapter, ISoftPrompt
{
    private const string FileKey = "prompt_embeddings";
    private const string ModuleName = "prompt_encoder";

    /// <summary>Makes the prompt.</summary>
    public PromptEncoder Encoder => encoder;

    /// <summary>Number of virtual tokens.</summary>
    protected int Tokens => tokens;

    public static string Key => FileKey;

    public IEnumerable<AdapterTensor> FileTensors()
    {
        using var noGrad = no_grad();
        yield return new(FileKey, encoder.Compute());
    }

    public IEnumerable<(string Name, Parameter Parameter)> Trained() => encoder.named_parameters();

    /// <summary>Makes the encoder a part of the model, so that its parameters are found.</summary>
    public void Register(nn.Module root)
    {
        if (root.named_children().FirstOrDefault(child => child.name == ModuleName).module is not AdapterTable<PromptEncoder> table)
        {
            table = new AdapterTable<PromptEncoder>();
            root.register_module(ModuleName, table);
        }

        table.Add(adapter, encoder);
    }

    public void Attach(nn.Module root) => ((CausalLM)root).Prompt = this;

    public void Detach(nn.Module root)
    {
        if (((CausalLM)root).Prompt == this)
        {
            ((CausalLM)root).Prompt = null;
        }
    }

    public void Remove(nn.Module root)
    {
        Detach(root);
        var table = (AdapterTable<PromptEncoder>)root.named_children().First(child => child.name == ModuleName).module;
        table.Remove(adapter).Dispose();
        if (table.Names.Count == 0)
        {
            root.register_module(ModuleName, null!);
        }
    }

    public abstract PromptedInputs Extend(TransformerInputs inputs, Slot tokens);

    /// <summary>A mask (B, T) of 0 and 1 with the virtual tokens before it.</summary>
    protected Tensor? ExtendMask(Tensor? mask) => mask is null ? null : cat([ones([mask.shape[0], tokens], dtype: mask.dtype), mask], 1);
}
